/** Reads blocks: looks up where each lies, reads and checks it, and has what is damaged dropped. */
import type { SegmentId } from "@branchcache/content-info";
import type { Clock } from "@branchcache/runtime";
import type { Limits, ReadOptions, StoredBlock } from "../block-store.ts";
import { blockKey, decodeBlock, unfilledBytes } from "../node/encodings.ts";
import { isExpired } from "../store/segment-state.ts";
import type { BlockFiles } from "./blocks/block-files.ts";
import { isSamePlace, type Place } from "./blocks/place.ts";
import { type Environment, reading } from "./environment.ts";
import type { BlockEntry } from "./formats.ts";
import { type BlockTables, readBlockEntry } from "./tables.ts";

export interface BlockReadsOptions {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly files: BlockFiles;
  readonly clock: Clock;
  readonly limits: () => Limits;
  /** Resolves when queued changes of the segment are committed. */
  readonly ready: (id: SegmentId) => Promise<void>;
  readonly onRead: (id: SegmentId) => void;
  /** It cannot be read at this place, or is not what was written. */
  readonly onDamaged: (id: SegmentId, index: number, place: Place | undefined) => Promise<void>;
}

export class BlockReads {
  readonly #options: BlockReadsOptions;
  /** Blocks are read into this, to be lent. */
  #lent: Uint8Array = new Uint8Array(0);

  constructor(options: BlockReadsOptions) {
    this.#options = options;
  }

  get(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined> {
    const copy = (block: StoredBlock): StoredBlock => ({ ...block, iv: new Uint8Array(block.iv) });
    // The buffer is the caller's.
    return this.#read(id, index, unfilledBytes, copy, options);
  }

  lend<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    options?: ReadOptions,
  ): Promise<T | undefined> {
    return this.#read(id, index, (bytes) => this.#borrow(bytes), use, options);
  }

  async #read<T>(
    id: SegmentId,
    index: number,
    take: (bytes: number) => Uint8Array,
    use: (block: StoredBlock) => T,
    { checked = true, counts = true }: ReadOptions = {},
  ): Promise<T | undefined> {
    const { environment, files, clock, limits, ready, onRead, onDamaged } = this.#options;
    await ready(id);
    const key = blockKey(id, index);
    let entry = this.#entry(id, index);
    for (let tries = 1; ; tries++) {
      if (!entry || isExpired(entry, clock.wallMs(), limits())) return undefined;
      const { place, trust, nextBlockIndex } = entry;
      const value = place && take(place.lengthBytes);
      const isRead = place && value && files.read(place, value);
      const block = isRead ? decodeBlock(key, value, checked) : undefined;
      if (block) {
        if (counts) onRead(id);
        const { cipher, iv, data } = block;
        return use({ cipher, iv, data, trust, nextBlockIndex });
      }
      // Another process may have moved it a moment ago, and what is seen here is older.
      environment.root.resetReadTxn();
      entry = this.#entry(id, index);
      if (place) files.forget(place.file);
      const isMoved = place && entry && !isSamePlace(entry.place, place);
      if (isMoved || tries === 1) continue;
      await onDamaged(id, index, place);
      return undefined;
    }
  }

  #entry(id: SegmentId, index: number): BlockEntry | undefined {
    return reading(this.#options.environment, () => readBlockEntry(this.#options.tables, id, index));
  }

  #borrow(bytes: number): Uint8Array {
    if (bytes > MOST_LENT_BYTES) return unfilledBytes(bytes);
    if (this.#lent.length < bytes) this.#lent = unfilledBytes(bytes);
    return this.#lent.subarray(0, bytes);
  }
}

/** Larger blocks have a buffer of their own each. */
const MOST_LENT_BYTES = 2 ** 20;
