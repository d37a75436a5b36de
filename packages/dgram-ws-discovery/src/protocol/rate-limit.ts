/** So many a second from each source, with a second's worth at once. */
import { MAX_REMEMBERED_SOURCES } from "../limits.ts";
import { setBounded } from "./bounded-map.ts";

export class RateLimit {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** True if one more from this source is within the limit; it is counted then. */
  take(source: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(source) ?? { left: this.#perSecond, atMs: nowMs };
    const left = Math.min(this.#perSecond, bucket.left + ((nowMs - bucket.atMs) * this.#perSecond) / 1_000);
    const allowed = left >= 1;
    setBounded(
      this.#buckets,
      source,
      { left: allowed ? left - 1 : left, atMs: nowMs },
      MAX_REMEMBERED_SOURCES,
    );
    return allowed;
  }
}
