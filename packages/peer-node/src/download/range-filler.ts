/**
 * Fetches from the origin what is missing, beside whatever comes from peers meanwhile: one request at a time, the
 * range that is needed first before others, neighbours as one.
 */
import type { ContentRange } from "@branchcache/content-info";
import { type ByteRanges, withoutRange, withRange } from "./byte-ranges.ts";

/** Few requests for a client that is alone, and still a reader that sees bytes early. */
const MOST_BYTES = 64 * 1024 * 1024;
/** What is known before its turn waits until it is worth a request; more of it may become known. */
const LEAST_EARLY_BYTES = 4 * 1024 * 1024;

export interface RangeFillerOptions {
  /** Where the last block that starts before `endBytes` ends: a request is for whole blocks. */
  readonly wholeUntil: (startBytes: number, endBytes: number) => number;
  readonly fill: (range: ContentRange, signal: AbortSignal) => Promise<void>;
  /** Called once; nothing is filled any more. `settled` rejects with the same. */
  readonly onFailure: () => void;
}

export class RangeFiller {
  readonly #options: RangeFillerOptions;
  readonly #stopping = new AbortController();
  #waiting: ByteRanges = [];
  /** Filled, or about to be. */
  #taken: ByteRanges = [];
  /** The reader has come so far. */
  #reachedBytes = 0;
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: RangeFillerOptions) {
    this.#options = options;
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Nobody in the branch gives it; its turn is still to come. */
  note(range: ContentRange): void {
    let left: ByteRanges = [range];
    for (const taken of this.#taken) left = withoutRange(left, taken);
    for (const part of left) this.#waiting = withRange(this.#waiting, part);
    this.#pump();
  }

  /** Its turn has come. */
  need(range: ContentRange): void {
    this.#reachedBytes = Math.max(this.#reachedBytes, range.endBytes);
    this.note(range);
  }

  /** Resolves when all that was needed is filled. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#failure) throw this.#failure.error;
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#waiting = [];
    this.#stopping.abort();
    while (this.#running !== undefined) await this.#running;
  }

  #next(): ContentRange | undefined {
    const range = this.#waiting.find(
      ({ startBytes, endBytes }) =>
        startBytes < this.#reachedBytes || endBytes - startBytes >= LEAST_EARLY_BYTES,
    );
    if (!range || this.#failure || this.#stopping.signal.aborted) return undefined;
    const { startBytes, endBytes } = range;
    if (endBytes - startBytes <= MOST_BYTES) return range;
    return { startBytes, endBytes: this.#options.wholeUntil(startBytes, startBytes + MOST_BYTES) };
  }

  #pump(): void {
    if (this.#running || !this.#next()) return;
    this.#running = this.#fillAll()
      .catch((error: unknown) => {
        this.#failure = { error };
        if (!this.#stopping.signal.aborted) this.#options.onFailure();
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #fillAll(): Promise<void> {
    // What becomes known in the same turn belongs to the same request.
    await Promise.resolve();
    for (let range = this.#next(); range; range = this.#next()) {
      this.#waiting = withoutRange(this.#waiting, range);
      this.#taken = withRange(this.#taken, range);
      await this.#options.fill(range, this.#stopping.signal);
    }
  }
}
