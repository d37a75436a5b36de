import { setNewest } from "@branchcache/runtime";

/** So many a second from each address, and a little more at once. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #maxAddresses: number;
  /** When each address has used up nothing any more; the least recently seen first. */
  readonly #freeAtMs = new Map<string, number>();

  constructor(perSecond: number, burst: number, maxAddresses = 4_096) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#maxAddresses = maxAddresses;
  }

  /** Whether one more is allowed; it counts only if so. */
  take(address: string, nowMs: number): boolean {
    const eachMs = 1_000 / this.#perSecond;
    const freeAtMs = Math.max(this.#freeAtMs.get(address) ?? nowMs, nowMs);
    if (freeAtMs - nowMs > (this.#burst - 1) * eachMs) return false;
    setNewest(this.#freeAtMs, address, freeAtMs + eachMs, this.#maxAddresses);
    return true;
  }
}
