/** What the stores tell the observer, the same from each. */
import { type Observer, toHex } from "@branchcache/runtime";
import type { RemovalNote, StoreChange } from "../block-store.ts";
import type { Eviction } from "./ledger.ts";
import type { Totals } from "./segment-state.ts";

export function reportEvictions(observer: Observer, evictions: readonly Eviction[]): void {
  for (const { id, reason, bytes } of evictions) {
    if (reason === "removed") continue;
    observer.count("cache_evictions_total", 1, { reason });
    if (reason === "corrupt") {
      observer.event("warn", "cache.corrupt", { segment: toHex(id), bytes });
    }
  }
}

/** Tells once that there is no room, and again only after there was some. */
export class FullReporter {
  readonly #observer: Observer;
  #told = false;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  full(reason: "limit" | "disk", bytes: number, limitBytes: number): void {
    if (this.#told) return;
    this.#told = true;
    this.#observer.event("warn", "cache.full", { reason, bytes, limit_bytes: limitBytes });
  }

  stored(): void {
    this.#told = false;
  }
}

/** Tells listeners of changes, in the order in which they were made. */
export class ChangeFeed {
  readonly #listeners = new Set<(change: StoreChange) => void>();

  watch(listener: (change: StoreChange) => void): () => void {
    // A listener given twice is told twice, and ends once each.
    const own = (change: StoreChange) => listener(change);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  tell(changes: readonly StoreChange[]): void {
    if (this.#listeners.size === 0) return;
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }
}

/** Removals that a store remembers. */
export const MOST_NOTES = 64;

/** The newest removals, newest first; at most `MOST_NOTES`. */
export function latestNotes(
  before: readonly RemovalNote[],
  evictions: readonly Eviction[],
): readonly RemovalNote[] {
  const newest = evictions.slice(-MOST_NOTES).reverse();
  const notes = newest.map(({ id, reason, bytes, atMs }) => ({
    id: new Uint8Array(id),
    reason,
    bytes,
    atMs,
  }));
  return [...notes, ...before].slice(0, MOST_NOTES);
}

export function reportTotals(observer: Observer, totals: Totals, limitBytes: number): void {
  observer.measure("cache_bytes", totals.bytes, { cache: "data" });
  observer.measure("cache_limit_bytes", limitBytes, { cache: "data" });
  observer.measure("cache_segments", totals.complete, { state: "complete" });
  observer.measure("cache_segments", totals.segments - totals.complete, { state: "partial" });
}
