/** A content handle: one retrieval, fed with Content Information, then read from and written to. */
import { type HashEngine, type Segment, verifyBlock } from "@branchcache/content-info";
import type { Clock, Observer } from "@branchcache/runtime";
import {
  ERROR_INVALID_DATA,
  ERROR_NOT_ENOUGH_QUOTA,
  ERROR_OPERATION_ABORTED,
  ERROR_SUCCESS,
  ERROR_TIMEOUT,
  PEERDIST_ERROR_MISSING_DATA,
  PEERDIST_ERROR_NO_MORE,
  PEERDIST_ERROR_OUT_OF_BOUNDS,
} from "../win32/errors.ts";
import { BlockFetcher } from "./block-fetcher.ts";
import { TRANSFER_MAX_BYTES } from "./calls.ts";
import type { BlockPlace, ContentMap } from "./content-map.ts";
import { HeldBytes } from "./held-bytes.ts";
import { InformationFeed } from "./information-feed.ts";
import type { Cancellable, Operation, OperationOwner, Outcome } from "./operations.ts";
import type { BlockAccess, FetchedFrom } from "./ports.ts";
import type { Quota } from "./quota.ts";
import { SerialQueue } from "./serial-queue.ts";

export interface ClientContentOptions {
  readonly blocks: BlockAccess;
  readonly engine: HashEngine;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly quota: Quota;
  /** In hexadecimal. */
  readonly tag: string;
  readonly versions: { readonly min: number; readonly max: number };
  readonly heldBytesMax: number;
  readonly rejectBadData: boolean;
  /** The contents that the same identity has open, this one too. */
  readonly contents: Set<ClientContent>;
}

/** A count on the wire has 32 bits. */
const COUNT_MAX = 0xffff_ffff;
/** Blocks that one read asks the peers for. */
const ASK_MAX_BLOCKS = 64;
/** Blocks looked up in the store at once. */
const LOOK_UP_BLOCKS = 512;
/** No block is longer. */
const BLOCK_MAX_BYTES = 131_072;

export class ClientContent implements OperationOwner {
  readonly operations = new Set<Operation>();
  readonly streamQueue = new SerialQueue();
  /** Content Information and data are taken in the order in which they were given. */
  readonly inputQueue = new SerialQueue();
  dead = 0;
  /** `CompleteContentInformation` was accepted. */
  completing = false;
  readonly #options: ClientContentOptions;
  readonly #information: InformationFeed;
  readonly #held: HeldBytes;
  readonly #fetcher: BlockFetcher;
  /** Of blocks that were fetched and not yet read to their end, by where they start: who gave them. */
  readonly #fetchedFrom = new Map<number, FetchedFrom>();
  #map: ContentMap | undefined;
  #cursor = 0;
  #quotaBytes = 0;

  constructor(options: ClientContentOptions) {
    this.#options = options;
    const { engine, versions, quota, contents } = options;
    this.#information = new InformationFeed(engine, versions);
    const onFetched = (startBytes: number, from: FetchedFrom) => this.#fetchedFrom.set(startBytes, from);
    this.#fetcher = new BlockFetcher({ ...options, onFetched });
    this.#held = new HeldBytes(options.heldBytesMax, (delta) => {
      if (delta > 0) return quota.take("bytes", delta);
      quota.give("bytes", -delta);
      return true;
    });
    contents.add(this);
  }

  get ready(): boolean {
    return this.#map !== undefined;
  }

  get tag(): string {
    return this.#options.tag;
  }

  get flashCrowd(): boolean {
    return this.#map ? this.#options.blocks.flashCrowd(this.#map.segments) : false;
  }

  close(): void {
    this.#options.contents.delete(this);
    this.#fetcher.close();
    this.#fetchedFrom.clear();
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
    this.#map = map;
    this.#cursor = map.range.startBytes;
    for (const holder of this.#options.contents)
      if (holder !== this) await this.#adopt(holder, holder.#ranges());
    return { error: ERROR_SUCCESS };
  }

  /** What is not of a whole block, or lies outside the Content Information, waits in memory. */
  async addData(offset: number, bytes: Uint8Array): Promise<Outcome> {
    const map = this.#map!;
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
      for (const other of this.#options.contents)
        if (other !== this) await other.#adopt(this, this.#ranges(range));
    }
    const failed = !good && this.#options.rejectBadData;
    return failed ? { error: ERROR_INVALID_DATA } : { error: ERROR_SUCCESS, bytes: bytes.length };
  }

  /** `maxBytes` 0 asks how much lies in the store. */
  async blockRead(
    offset: number,
    maxBytes: number,
    timeoutMs: number,
    running: Cancellable,
    ahead = false,
  ): Promise<Outcome> {
    const map = this.#map!;
    if (!map.blockAt(offset)) return { error: PEERDIST_ERROR_NO_MORE };
    if (maxBytes === 0) return { error: ERROR_SUCCESS, offset, bytes: await this.#heldFrom(offset) };
    const max = Math.min(maxBytes, TRANSFER_MAX_BYTES);
    const local = await this.#readStore(offset, max);
    if (local) return local;
    if (timeoutMs === 0) {
      return { error: PEERDIST_ERROR_MISSING_DATA, offset, bytes: await this.#missingFrom(offset) };
    }
    return this.#readPeers(offset, max, { timeoutMs, signal: running.signal, ahead });
  }

  /** From the cursor, which moves on by what was read or is missing. */
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
    for (const place of this.#map!.blocksFrom(offset)) {
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

  /** `ahead`: also for what comes next, since one question for many costs no more than one for few. */
  async #readPeers(
    offset: number,
    max: number,
    { timeoutMs, signal, ahead }: { timeoutMs: number; signal: AbortSignal; ahead: boolean },
  ): Promise<Outcome> {
    const end = Math.min(offset + max, this.#map!.range.endBytes);
    const places: BlockPlace[] = [];
    /** Of those, the ones that this read is about. */
    let own = 0;
    for await (const { place, held } of this.#lookUp(offset)) {
      const isOwn = place.startBytes < end;
      if (held || places.length >= ASK_MAX_BLOCKS || !(isOwn || ahead)) break;
      places.push(place);
      if (isOwn) own++;
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
      for (const [i, outcome] of want.outcomes.entries()) {
        const place = places[i]!;
        const result = await unlessAborted(outcome, deadline.signal);
        if (!result) {
          want.abandoned();
          if (i === 0) error = ERROR_TIMEOUT;
          if (i < own) missingUpTo = places[own - 1]!.endBytes;
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
        if (i === places.length - 1) want.satisfied();
      }
      return { error, offset, bytes: Math.min(missingUpTo, this.#map!.range.endBytes) - offset };
    } finally {
      deadline.cancel();
    }
  }

  /**
   * What the caller gets is counted, once, under who gave it: not what is fetched ahead, nor the whole block for a part
   * of it. A block that is read again after its end comes from the own store.
   */
  #countRead({ startBytes, endBytes }: BlockPlace, offset: number, lengthBytes: number): void {
    const source = this.#fetchedFrom.get(startBytes) ?? "local";
    this.#options.observer.count("retrieval_bytes_total", lengthBytes, { source, app: "api" });
    if (offset + lengthBytes >= Math.min(endBytes, this.#map?.range.endBytes ?? endBytes)) {
      this.#fetchedFrom.delete(startBytes);
    }
  }

  /** The part of a block that a read from `offset` gets. */
  #wanted(place: BlockPlace, block: Uint8Array, offset: number, max: number): Uint8Array {
    const end = Math.min(offset + max, this.#map!.range.endBytes);
    return block.subarray(offset - place.startBytes, end - place.startBytes);
  }

  async *#lookUp(offset: number): AsyncGenerator<{ readonly place: BlockPlace; readonly held: boolean }> {
    const places = this.#map!.blocksFrom(offset);
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

  async #heldFrom(offset: number): Promise<number> {
    return this.#run(offset, true);
  }

  async #missingFrom(offset: number): Promise<number> {
    return this.#run(offset, false);
  }

  /** Bytes from there that are all in the store, or all not. */
  async #run(offset: number, wanted: boolean): Promise<number> {
    let end = offset;
    for await (const { place, held } of this.#lookUp(offset)) {
      if (held !== wanted || end - offset >= COUNT_MAX) break;
      end = Math.min(place.endBytes, this.#map!.range.endBytes);
    }
    return Math.min(end - offset, COUNT_MAX);
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

  /** Takes what another handle holds, where this one's Content Information says that it is right. */
  async #adopt(
    holder: ClientContent,
    ranges: readonly { startBytes: number; endBytes: number }[],
  ): Promise<void> {
    const map = this.#map;
    if (!map) return;
    for (const { startBytes, endBytes } of ranges) {
      let place = map.listedAt(Math.max(startBytes, map.listed.startBytes));
      for (; place && place.endBytes <= endBytes; place = map.listedAt(place.endBytes)) {
        const lengthBytes = place.endBytes - place.startBytes;
        const bytes = holder.#held.take(place.startBytes, lengthBytes);
        if (bytes && (await this.#keep(place, bytes, holder)))
          holder.#held.remove(place.startBytes, lengthBytes);
      }
    }
  }

  #ranges(within?: { startBytes: number; endBytes: number }): { startBytes: number; endBytes: number }[] {
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
