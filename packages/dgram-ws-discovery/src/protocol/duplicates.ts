/** Which messages were seen lately. Bounded in time and number. */
import { DUPLICATE_WINDOW_MS, MAX_REMEMBERED_MESSAGES } from "../limits.ts";
import { RecentMap } from "./recent-map.ts";
import { canonicalUri } from "./uuid.ts";

export class DuplicateTable {
  readonly #seenMs = new RecentMap<number>(MAX_REMEMBERED_MESSAGES);

  /** True the first time within the window; `nowMs` never goes back. */
  isNew(messageId: string, nowMs: number): boolean {
    // A string of its own: a part of the datagram's text would keep all of it in memory.
    const key = `${canonicalUri(messageId)} `;
    const seenMs = this.#seenMs.get(key);
    if (seenMs !== undefined && nowMs - seenMs < DUPLICATE_WINDOW_MS) return false;
    this.#seenMs.set(key, nowMs);
    return true;
  }
}
