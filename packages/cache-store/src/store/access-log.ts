/** Reads since they were last written down: one entry a segment, so that a read costs no write. */
import type { SegmentId } from "@branchcache/content-info";

export interface Access {
  readonly id: SegmentId;
  readonly hits: number;
  readonly usedMs: number;
}

/** So many segments, or the first of them so long ago, are worth a write of their own. */
const MOST_SEGMENTS = 1024;
const MOST_AGE_MS = 60_000;

export class AccessLog {
  /** In order of the last read. */
  #entries = new Map<string, Access>();
  #sinceMs = 0;

  /** `key` stands for the identifier, which is copied. True when it is time to write. */
  note(key: string, id: SegmentId, nowMs: number): boolean {
    const known = this.#entries.get(key);
    if (this.#entries.size === 0) this.#sinceMs = nowMs;
    if (known) this.#entries.delete(key);
    const hits = (known?.hits ?? 0) + 1;
    this.#entries.set(key, { id: known?.id ?? new Uint8Array(id), hits, usedMs: nowMs });
    // A clock that was set back counts as late.
    const isLate = Math.abs(nowMs - this.#sinceMs) >= MOST_AGE_MS;
    return isLate || this.#entries.size >= MOST_SEGMENTS;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  take(): readonly Access[] {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    return entries;
  }
}
