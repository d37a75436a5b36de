/** Which messages were seen lately. Bounded in time and number. */
import { DUPLICATE_WINDOW_MS, MAX_REMEMBERED_MESSAGES } from "../limits.ts";
import { canonicalUri } from "./uuid.ts";

export class DuplicateTable {
  readonly #seenMs = new Map<string, number>();

  /** True the first time within the window; `nowMs` never goes back. */
  isNew(messageId: string, nowMs: number): boolean {
    for (const [oldest, seenMs] of this.#seenMs) {
      if (nowMs - seenMs < DUPLICATE_WINDOW_MS && this.#seenMs.size < MAX_REMEMBERED_MESSAGES) break;
      this.#seenMs.delete(oldest);
    }
    // A string of its own: a part of the datagram's text would keep all of it in memory.
    const key = `${canonicalUri(messageId)} `;
    if (this.#seenMs.has(key)) return false;
    this.#seenMs.set(key, nowMs);
    return true;
  }
}
