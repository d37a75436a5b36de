/** What the stores tell the observer, the same from each. */
import { type Observer, toHex } from "@branchcache/runtime";
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
  readonly #limitBytes: number;
  #told = false;

  constructor(observer: Observer, limitBytes: number) {
    this.#observer = observer;
    this.#limitBytes = limitBytes;
  }

  full(reason: "limit" | "disk", bytes: number): void {
    if (this.#told) return;
    this.#told = true;
    this.#observer.event("warn", "cache.full", { reason, bytes, limit_bytes: this.#limitBytes });
  }

  stored(): void {
    this.#told = false;
  }
}

export function reportTotals(observer: Observer, totals: Totals, limitBytes: number): void {
  observer.measure("cache_bytes", totals.bytes, { cache: "data" });
  observer.measure("cache_limit_bytes", limitBytes, { cache: "data" });
  observer.measure("cache_segments", totals.complete, { state: "complete" });
  observer.measure("cache_segments", totals.segments - totals.complete, { state: "partial" });
}
