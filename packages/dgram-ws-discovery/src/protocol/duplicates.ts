/** Recognises messages that were seen lately: within a window of time, and of a limited number. */
import { DUPLICATE_WINDOW_MS, MAX_REMEMBERED_MESSAGES } from "../limits.ts";
import { RecentMap } from "./recent-map.ts";

export class DuplicateTable {
  readonly #seenMs = new RecentMap<number>(MAX_REMEMBERED_MESSAGES);

  /** True the first time within the window. `key` is `identifierKey` of the MessageID; `nowMs` must not decrease. */
  isNew(key: string, nowMs: number): boolean {
    const seenMs = this.#seenMs.get(key);
    if (seenMs !== undefined && nowMs - seenMs < DUPLICATE_WINDOW_MS) return false;
    this.#seenMs.set(key, nowMs);
    return true;
  }
}
