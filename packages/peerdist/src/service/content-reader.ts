/** Reads of one content: from the local cache, and what is not there from the branch. */
import type { Segment } from "@branchcache/content-info";
import type { Clock, Observer } from "@branchcache/runtime";
import {
  ERROR_OPERATION_ABORTED,
  ERROR_SUCCESS,
  ERROR_TIMEOUT,
  PEERDIST_ERROR_MISSING_DATA,
  PEERDIST_ERROR_NO_MORE,
} from "../win32/errors.ts";
import { BlockFetcher } from "./block-fetcher.ts";
import { TRANSFER_MAX_BYTES } from "./calls.ts";
import type { BlockPlace, ContentMap } from "./content-map.ts";
import type { Cancellable, Outcome } from "./operations.ts";
import type { BlockAccess, FetchedFrom } from "./ports.ts";
import { SerialQueue } from "./serial-queue.ts";

export interface ContentReaderOptions {
  readonly blocks: BlockAccess;
  readonly clock: Clock;
  readonly observer: Observer;
  /** What is fetched is kept under it; in hexadecimal. */
  readonly tag: string;
}

/** Byte counts of the API have 32 bits. */
const COUNT_MAX = 0xffff_ffff;
/** Blocks that one read asks the peers for. */
const ASK_MAX_BLOCKS = 64;
/** Blocks looked up in the store at once. */
const LOOK_UP_BLOCKS = 512;

export class ContentReader {
  readonly map: ContentMap;
  /** Stream reads move one cursor, so they run one after another. */
  readonly streamQueue = new SerialQueue();
  readonly #options: ContentReaderOptions;
  readonly #fetcher: BlockFetcher;
  /** Who gave the blocks that were fetched and are not yet read to their end, by the block's offset in the content. */
  readonly #fetchedFrom = new Map<number, FetchedFrom>();
  #cursor: number;

  constructor(map: ContentMap, options: ContentReaderOptions) {
    this.map = map;
    this.#options = options;
    this.#cursor = map.range.startBytes;
    const onFetched = (startBytes: number, from: FetchedFrom) => this.#fetchedFrom.set(startBytes, from);
    this.#fetcher = new BlockFetcher({ ...options, onFetched });
  }

  close(): void {
    this.#fetcher.close();
    this.#fetchedFrom.clear();
  }

  /**
   * Reads up to `maxBytes`; 0 asks how many bytes from `offset` on are in the local cache. `ahead`: peers are also asked
   * for what follows.
   */
  async blockRead(
    offset: number,
    maxBytes: number,
    timeoutMs: number,
    running: Cancellable,
    ahead = false,
  ): Promise<Outcome> {
    if (!this.map.blockAt(offset)) return { error: PEERDIST_ERROR_NO_MORE };
    if (maxBytes === 0) return { error: ERROR_SUCCESS, offset, bytes: await this.#run(offset, true) };
    const max = Math.min(maxBytes, TRANSFER_MAX_BYTES);
    const local = await this.#readStore(offset, max);
    if (local) return local;
    if (timeoutMs === 0) {
      return { error: PEERDIST_ERROR_MISSING_DATA, offset, bytes: await this.#run(offset, false) };
    }
    return this.#readPeers(offset, max, { timeoutMs, signal: running.signal, ahead });
  }

  /** Reads at the cursor, which then moves past the bytes that were read, or past the missing range. */
  async streamRead(maxBytes: number, timeoutMs: number, running: Cancellable): Promise<Outcome> {
    const at = this.#cursor;
    const outcome = await this.blockRead(at, maxBytes, timeoutMs, running, true);
    if (maxBytes === 0) return outcome;
    return {
      ...outcome,
      commit: () => {
        this.#cursor = at + (outcome.bytes ?? 0);
      },
    };
  }

  async #readStore(offset: number, max: number): Promise<Outcome | undefined> {
    const { blocks } = this.#options;
    const data: Uint8Array[] = [];
    const read: Uint8Array[] = [];
    let bytes = 0;
    for (const place of this.map.blocksFrom(offset)) {
      if (bytes >= max) break;
      const block = await blocks.read(place.segment, place.blockIndex);
      if (!block) break;
      read.push(block);
      const part = this.#wanted(place, block, offset + bytes, max - bytes);
      this.#countRead(place, offset + bytes, part.length);
      data.push(part);
      bytes += part.length;
    }
    if (bytes === 0) return undefined;
    const release = () => {
      for (const block of read) blocks.release(block);
    };
    return { error: ERROR_SUCCESS, offset, bytes, data, release };
  }

  /**
   * Asks peers for the blocks that are missing from `offset` on. `ahead`: also for those behind the end of the read, since
   * one question about many blocks costs no more than one about few.
   */
  async #readPeers(
    offset: number,
    max: number,
    { timeoutMs, signal, ahead }: { timeoutMs: number; signal: AbortSignal; ahead: boolean },
  ): Promise<Outcome> {
    const end = Math.min(offset + max, this.map.range.endBytes);
    const places: BlockPlace[] = [];
    /** Where the last of those blocks ends that this read itself is about. */
    let ownEnd = offset;
    for await (const { place, held } of this.#lookUp(offset)) {
      const isOwn = place.startBytes < end;
      if (held || places.length >= ASK_MAX_BLOCKS || !(isOwn || ahead)) break;
      places.push(place);
      if (isOwn) ownEnd = place.endBytes;
    }
    if (signal.aborted) return { error: ERROR_OPERATION_ABORTED };
    // Somebody added it since the store was read.
    if (places.length === 0) {
      const local = await this.#readStore(offset, max);
      return local ?? { error: PEERDIST_ERROR_MISSING_DATA, offset, bytes: end - offset };
    }
    const deadline = this.#options.clock.deadline(timeoutMs, signal);
    const want = this.#fetcher.want(places, timeoutMs);
    try {
      let missingUpTo = offset;
      let error: number = PEERDIST_ERROR_MISSING_DATA;
      for (const [i, { place, outcome }] of want.blocks.entries()) {
        const result = await unlessAborted(outcome, deadline.signal);
        if (!result) {
          want.abandoned();
          if (i === 0) error = ERROR_TIMEOUT;
          missingUpTo = Math.max(missingUpTo, ownEnd);
          break;
        }
        if (result.kind === "data") {
          want.satisfied();
          if (i > 0) break;
          const part = this.#wanted(place, result.bytes, offset, max);
          this.#countRead(place, offset, part.length);
          return { error: ERROR_SUCCESS, offset, bytes: part.length, data: [part] };
        }
        if (i === 0 && result.reason === "timeout") error = ERROR_TIMEOUT;
        missingUpTo = place.endBytes;
        if (i === want.blocks.length - 1) want.satisfied();
      }
      return { error, offset, bytes: Math.min(missingUpTo, this.map.range.endBytes) - offset };
    } finally {
      deadline.cancel();
    }
  }

  /**
   * Counts the bytes that the caller gets, under the source of their block: no bytes that were only fetched ahead, and of
   * a block only the part that was read. A block that was read to its end and is read again counts as local.
   */
  #countRead({ startBytes, endBytes }: BlockPlace, offset: number, lengthBytes: number): void {
    const source = this.#fetchedFrom.get(startBytes) ?? "local";
    this.#options.observer.count("retrieval_bytes_total", lengthBytes, { source, app: "api" });
    if (offset + lengthBytes >= Math.min(endBytes, this.map.range.endBytes)) {
      this.#fetchedFrom.delete(startBytes);
    }
  }

  /** The part of a block that a read from `offset` gets. */
  #wanted(place: BlockPlace, block: Uint8Array, offset: number, max: number): Uint8Array {
    const end = Math.min(offset + max, this.map.range.endBytes);
    return block.subarray(offset - place.startBytes, end - place.startBytes);
  }

  async *#lookUp(offset: number): AsyncGenerator<{ readonly place: BlockPlace; readonly held: boolean }> {
    const places = this.map.blocksFrom(offset);
    for (;;) {
      const batch: BlockPlace[] = [];
      while (batch.length < LOOK_UP_BLOCKS) {
        const next = places.next();
        if (next.done) break;
        batch.push(next.value);
      }
      if (batch.length === 0) return;
      const segments = [...new Set(batch.map(({ segment }) => segment))];
      const held = await this.#options.blocks.held(segments);
      const bySegment = new Map(segments.map((segment: Segment, i) => [segment, held[i]]));
      for (const place of batch) {
        yield { place, held: bySegment.get(place.segment)?.has(place.blockIndex) ?? false };
      }
    }
  }

  /** Bytes from `offset` on whose blocks are all in the store (`wanted`), or all missing. */
  async #run(offset: number, wanted: boolean): Promise<number> {
    let end = offset;
    for await (const { place, held } of this.#lookUp(offset)) {
      if (held !== wanted || end - offset >= COUNT_MAX) break;
      end = Math.min(place.endBytes, this.map.range.endBytes);
    }
    return Math.min(end - offset, COUNT_MAX);
  }
}

/** Undefined when the signal fires first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve) => {
    const onAbort = () => resolve(undefined);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then((value) => {
      signal.removeEventListener("abort", onAbort);
      resolve(value);
    });
  });
}
