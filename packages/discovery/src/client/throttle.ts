/** A limit on the probes in any second. [MS-CCRSO] 5.1.2.2 */
export class Throttle {
  readonly #maxPerSecond: number;
  /** Monotonic times of the newest probes, oldest first. */
  readonly #startsMs: number[] = [];

  constructor(maxPerSecond: number) {
    this.#maxPerSecond = maxPerSecond;
  }

  /** Milliseconds until the next probe may leave; 0 for now. */
  waitMs(nowMs: number): number {
    const oldest = this.#startsMs.at(-this.#maxPerSecond);
    return oldest === undefined ? 0 : Math.max(oldest + 1_000 - nowMs, 0);
  }

  started(nowMs: number): void {
    this.#startsMs.push(nowMs);
    if (this.#startsMs.length > this.#maxPerSecond) this.#startsMs.shift();
  }
}
