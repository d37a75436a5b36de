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

export function reportFull(
  observer: Observer,
  reason: "limit" | "disk",
  bytes: number,
  limitBytes: number,
): void {
  observer.event("warn", "cache.full", { reason, bytes, limit_bytes: limitBytes });
}

export function reportTotals(observer: Observer, totals: Totals, limitBytes: number): void {
  observer.measure("cache_bytes", totals.bytes, { cache: "data" });
  observer.measure("cache_limit_bytes", limitBytes, { cache: "data" });
  observer.measure("cache_segments", totals.complete, { state: "complete" });
  observer.measure("cache_segments", totals.segments - totals.complete, { state: "partial" });
}
