/** Waits that can all be ended at once, without a listener for each on one long-lived signal. */
import type { Clock } from "../ports.ts";

export class Pauses {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True after `ms`; false as soon as it is aborted or ended. */
  wait(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#ended || signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (passed: boolean) => {
        cancel();
        this.#ends.delete(end);
        signal?.removeEventListener("abort", end);
        resolve(passed);
      };
      const end = () => finish(false);
      const cancel = this.#clock.after(ms, () => finish(true));
      this.#ends.add(end);
      signal?.addEventListener("abort", end, { once: true });
    });
  }

  /** Those under way, and any that come later. */
  end(): void {
    this.#ended = true;
    for (const end of [...this.#ends]) end();
  }
}
