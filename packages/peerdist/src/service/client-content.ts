/** A content handle: one retrieval, fed with Content Information, then read from and written to. */
import { type ContentRange, type HashEngine, verifyBlock } from "@branchcache/content-info";
import {
  ERROR_INVALID_DATA,
  ERROR_NOT_ENOUGH_QUOTA,
  ERROR_SUCCESS,
  PEERDIST_ERROR_NOT_INITIALIZED,
  PEERDIST_ERROR_OUT_OF_BOUNDS,
} from "../win32/errors.ts";
import type { BlockPlace } from "./content-map.ts";
import { ContentReader, type ContentReaderOptions } from "./content-reader.ts";
import { HeldBytes } from "./held-bytes.ts";
import { InformationFeed } from "./information-feed.ts";
import type { Operation, OperationOwner, Outcome } from "./operations.ts";
import type { Quota } from "./quota.ts";
import { SerialQueue } from "./serial-queue.ts";

export interface ClientContentOptions extends ContentReaderOptions {
  readonly engine: HashEngine;
  readonly quota: Quota;
  readonly versions: { readonly min: number; readonly max: number };
  readonly heldBytesMax: number;
  readonly rejectBadData: boolean;
  /** The contents that the same identity has open, this one too. */
  readonly contents: Set<ClientContent>;
}

/** The longest block there is: a segment of version 2.0. */
const BLOCK_MAX_BYTES = 131_072;

export class ClientContent implements OperationOwner {
  readonly operations = new Set<Operation>();
  /** Content Information and data are taken in the order in which they were given. */
  readonly inputQueue = new SerialQueue();
  /** What every further call returns; 0 while the handle is alive. */
  dead = 0;
  /** `CompleteContentInformation` was accepted. */
  completing = false;
  readonly #options: ClientContentOptions;
  readonly #information: InformationFeed;
  readonly #held: HeldBytes;
  #reader: ContentReader | undefined;
  #quotaBytes = 0;

  constructor(options: ClientContentOptions) {
    this.#options = options;
    const { engine, versions, quota, contents } = options;
    this.#information = new InformationFeed(engine, versions);
    this.#held = new HeldBytes(options.heldBytesMax, (delta) => {
      // Data may still be on its way in when the handle is closed: nobody would give back its share of the quota.
      if (delta > 0) return contents.has(this) && quota.take("bytes", delta);
      quota.give("bytes", -delta);
      return true;
    });
    contents.add(this);
  }

  /** Of the whole content; undefined until the Content Information is complete. */
  get reader(): ContentReader | undefined {
    return this.#reader;
  }

  get tag(): string {
    return this.#options.tag;
  }

  get flashCrowd(): boolean {
    return this.#reader ? this.#options.blocks.flashCrowd(this.#reader.map.segments) : false;
  }

  close(): void {
    this.#options.contents.delete(this);
    this.#reader?.close();
    this.#held.clear();
    this.#options.quota.give("bytes", this.#quotaBytes);
    this.#quotaBytes = 0;
  }

  dropHeld(): void {
    this.#held.clear();
  }

  addInformation(bytes: Uint8Array): Outcome {
    if (!this.#options.quota.take("bytes", bytes.length)) return { error: ERROR_NOT_ENOUGH_QUOTA };
    this.#quotaBytes += bytes.length;
    const error = this.#information.push(bytes);
    return { error, bytes: error === ERROR_SUCCESS ? bytes.length : 0 };
  }

  async completeInformation(): Promise<Outcome> {
    const map = this.#information.end();
    if (typeof map === "number") return { error: map };
    this.#reader = new ContentReader(map, this.#options);
    for (const holder of this.#options.contents) {
      if (holder !== this) await this.#adopt(holder, holder.#ranges());
    }
    return { error: ERROR_SUCCESS };
  }

  /**
   * Keeps whole blocks that match their hash. Parts of blocks, and bytes of blocks that the Content Information does not
   * list, wait in memory.
   */
  async addData(offset: number, bytes: Uint8Array): Promise<Outcome> {
    const map = this.#reader?.map;
    if (!map) return { error: PEERDIST_ERROR_NOT_INITIALIZED };
    const end = map.contentEndBytes ?? Number.MAX_SAFE_INTEGER;
    if (offset >= end) return { error: PEERDIST_ERROR_OUT_OF_BOUNDS };
    const stop = Math.min(offset + bytes.length, end);
    let good = true;
    let outside = false;
    for (let at = offset; at < stop; ) {
      const place = map.listedAt(at);
      const upTo = Math.min(
        stop,
        place?.endBytes ?? (at < map.listed.startBytes ? map.listed.startBytes : stop),
      );
      const part = bytes.subarray(at - offset, upTo - offset);
      if (!place) {
        this.#held.add(at, part);
        outside = true;
      } else if (part.length === place.endBytes - place.startBytes) {
        good = (await this.#keep(place, part, this)) && good;
      } else if (!(await this.#isHeld(place))) {
        this.#held.add(at, part);
        const whole = this.#held.take(place.startBytes, place.endBytes - place.startBytes);
        if (whole) {
          this.#held.remove(place.startBytes, whole.length);
          good = (await this.#keep(place, whole, this)) && good;
        }
      }
      at = upTo;
    }
    if (outside) {
      const range = { startBytes: offset - BLOCK_MAX_BYTES, endBytes: stop + BLOCK_MAX_BYTES };
      for (const other of this.#options.contents) {
        if (other !== this) await other.#adopt(this, this.#ranges(range));
      }
    }
    const failed = !good && this.#options.rejectBadData;
    return failed ? { error: ERROR_INVALID_DATA } : { error: ERROR_SUCCESS, bytes: bytes.length };
  }

  async #isHeld({ segment, blockIndex }: BlockPlace): Promise<boolean> {
    const [held] = await this.#options.blocks.held([segment]);
    return held?.has(blockIndex) ?? false;
  }

  /** False if these are not the block's bytes. */
  async #keep(place: BlockPlace, bytes: Uint8Array, from: ClientContent): Promise<boolean> {
    const { engine, blocks, observer } = this.#options;
    if (!verifyBlock(place.segment, place.blockIndex, bytes, engine)) {
      if (from === this) observer.count("blocks_rejected_total", 1, { reason: "origin" });
      return false;
    }
    await blocks.keep(place.segment, place.blockIndex, bytes, from.tag);
    return true;
  }

  /** Keeps the blocks among the bytes that another handle holds, where they match the hashes of this one. */
  async #adopt(holder: ClientContent, ranges: readonly ContentRange[]): Promise<void> {
    const map = this.#reader?.map;
    if (!map) return;
    for (const { startBytes, endBytes } of ranges) {
      let place = map.listedAt(Math.max(startBytes, map.listed.startBytes));
      for (; place && place.endBytes <= endBytes; place = map.listedAt(place.endBytes)) {
        const lengthBytes = place.endBytes - place.startBytes;
        const bytes = holder.#held.take(place.startBytes, lengthBytes);
        if (bytes && (await this.#keep(place, bytes, holder))) {
          holder.#held.remove(place.startBytes, lengthBytes);
        }
      }
    }
  }

  #ranges(within?: ContentRange): ContentRange[] {
    const all = [...this.#held.ranges()];
    if (!within) return all;
    return all
      .map(({ startBytes, endBytes }) => ({
        startBytes: Math.max(startBytes, within.startBytes),
        endBytes: Math.min(endBytes, within.endBytes),
      }))
      .filter(({ startBytes, endBytes }) => startBytes < endBytes);
  }
}
