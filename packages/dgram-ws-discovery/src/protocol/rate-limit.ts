/** So many a second from each source, with a second's worth at once. */
import { MAX_REMEMBERED_SOURCES } from "../limits.ts";
import { RecentMap } from "./recent-map.ts";

export class RateLimit {
  readonly #perSecond: number;
  readonly #buckets = new RecentMap<{ left: number; atMs: number }>(MAX_REMEMBERED_SOURCES);

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** True if one more from this source is within the limit; it is counted then. */
  take(source: string, nowMs: number): boolean {
    let bucket = this.#buckets.renew(source);
    if (!bucket) {
      bucket = { left: this.#perSecond, atMs: nowMs };
      this.#buckets.set(source, bucket);
    }
    bucket.left = Math.min(this.#perSecond, bucket.left + ((nowMs - bucket.atMs) * this.#perSecond) / 1_000);
    bucket.atMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }
}
