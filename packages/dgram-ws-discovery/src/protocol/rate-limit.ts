/** A limit on messages a second from each source: a token bucket that holds one second's worth. */
import { MAX_REMEMBERED_SOURCES } from "../limits.ts";
import { RecentMap } from "./recent-map.ts";

export class RateLimit {
  readonly #perSecond: number;
  readonly #buckets = new RecentMap<{ left: number; atMs: number }>(MAX_REMEMBERED_SOURCES);

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Counts one more from this source; false, and nothing counted, if that is above the limit. */
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
