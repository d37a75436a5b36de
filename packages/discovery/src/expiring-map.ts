/** Entries that expire after a time. Of too many the oldest go first. */
import { MAX_REMEMBERED_SEGMENTS } from "./limits.ts";

interface Entry<T> {
  readonly value: T;
  readonly untilMs: number;
}

export class ExpiringMap<T> {
  readonly #ttlMs: number;
  readonly #max: number;
  readonly #entries = new Map<string, Entry<T>>();
  /** Segments of one probe have the same value and time: they share this entry, to save memory for tens of thousands. */
  #newest: Entry<T> | undefined;

  constructor(ttlMs: number, max: number = MAX_REMEMBERED_SEGMENTS) {
    this.#ttlMs = ttlMs;
    this.#max = max;
  }

  /** Whether there are no entries, expired ones included. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  get(key: string, nowMs: number): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (nowMs < entry.untilMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: T, nowMs: number): void {
    const untilMs = nowMs + this.#ttlMs;
    if (this.#newest?.value !== value || this.#newest.untilMs !== untilMs) this.#newest = { value, untilMs };
    this.#entries.delete(key);
    this.#entries.set(key, this.#newest);
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#max && nowMs < entry.untilMs) return;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
