/** The block store on LMDB. Reads are synchronous and see what is committed; writes go through a queue. */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import type { Clock, Observer } from "@branchcache/runtime";
import type {
  BlockStore,
  HeldSegment,
  Limits,
  NewSegment,
  PutResult,
  ReadOptions,
  RemoveAllOptions,
  SegmentRecord,
  SegmentSummary,
  StoreChange,
  StoredBlock,
  StoreStatistics,
  StoreUsage,
} from "../block-store.ts";
import { closedError } from "../errors.ts";
import { AccessLog } from "../store/access-log.ts";
import { Outstanding } from "../store/outstanding.ts";
import { ChangeFeed, FullReporter, reportEvictions, reportTotals } from "../store/report.ts";
import {
  heldSegment,
  isExpired,
  type SegmentState,
  segmentRecord,
  segmentSummary,
  type Totals,
} from "../store/segment-state.ts";
import { BatchWriter } from "./batch-writer.ts";
import { BlockPuts } from "./block-puts.ts";
import { BlockReads } from "./block-reads.ts";
import { BlockFiles } from "./blocks/block-files.ts";
import type { Committed } from "./change.ts";
import { ChangeQueue, type Expected } from "./change-queue.ts";
import { type Environment, reading } from "./environment.ts";
import type { LimitSettings } from "./limit-settings.ts";
import { Removals } from "./removals.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import {
  BlockTables,
  eachSegment,
  mapKey,
  readNotes,
  readOldest,
  readSegment,
  readState,
  readTotals,
} from "./tables.ts";

export interface LmdbBlockStoreOptions {
  readonly environment: Environment;
  readonly limits: LimitSettings;
  readonly reserve: SpaceReserve;
  readonly volumeBytes: number;
  readonly clock: Clock;
  readonly observer: Observer;
  /** The segment is gone, and that is committed. */
  readonly onRemoved: (id: SegmentId) => Promise<void>;
}

export class LmdbBlockStore implements BlockStore {
  readonly #options: LmdbBlockStoreOptions;
  readonly #tables: BlockTables;
  readonly #files: BlockFiles;
  readonly #reads: BlockReads;
  readonly #puts: BlockPuts;
  readonly #writer: BatchWriter;
  readonly #queue: ChangeQueue;
  readonly #feed = new ChangeFeed();
  readonly #accesses = new AccessLog();
  readonly #removals: Removals;
  /** Secrets of removed segments that are being deleted. */
  readonly #secretRemovals = new Outstanding();
  #totals: Totals;
  #limits: Limits;
  #closing: Promise<void> | undefined;

  constructor(options: LmdbBlockStoreOptions) {
    const { environment, limits, reserve, volumeBytes, clock, observer } = options;
    this.#options = options;
    const tables = new BlockTables(environment);
    this.#tables = tables;
    const full = new FullReporter(observer);
    this.#totals = readTotals(tables);
    this.#limits = limits.read(tables);
    const files = new BlockFiles({
      environment,
      tables,
      volumeBytes,
      limitBytes: () => this.#limits.limitBytes,
      change: (change) => this.#queue.unseen(change),
      whole: (run) => this.#queue.whole(run),
      room: () => this.#writer.room(),
      evict: (bytes) => this.#evict(bytes),
    });
    this.#files = files;
    const shared = { environment, tables, files, clock, limits: () => this.#limits };
    this.#reads = new BlockReads({
      ...shared,
      ready: (id) => this.#ready(id),
      onRead: (id) => this.#noteRead(id),
      onDamaged: (id, index, place) => this.#removals.damaged(id, index, place),
    });
    this.#writer = new BatchWriter({
      environment,
      tables,
      limits,
      accesses: this.#accesses,
      clock,
      reserve,
      appender: files.appender,
      fileBytes: () => files.fileBytes,
      emptiestFile: files.emptiest,
      onCommit: (committed) => this.#onCommit(committed),
      onDiskFull: () => full.full("disk", this.#totals.bytes, this.#limits.limitBytes),
    });
    this.#queue = new ChangeQueue(this.#writer);
    const changing = { ...shared, queue: this.#queue, expect: (id: SegmentId) => this.#expect(id) };
    this.#removals = new Removals({ ...changing, state: (id) => this.#state(id) });
    this.#puts = new BlockPuts({
      ...changing,
      writer: this.#writer,
      full,
      observer,
      totals: () => this.#totals,
      assertOpen: () => this.#assertOpen(),
    });
    // The limit may have been larger when it was filled.
    if (this.#totals.bytes > this.#limits.limitBytes) void this.#queue.whole((ledger) => ledger.makeRoom(0));
    reportTotals(observer, this.#totals, this.#limits.limitBytes);
  }

  async holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]> {
    await this.#ready(...ids);
    return ids.map((id) => {
      const state = this.#state(id);
      return state && heldSegment(state);
    });
  }

  async segment(id: SegmentId): Promise<SegmentRecord | undefined> {
    await this.#ready(id);
    const known = this.#read(id);
    return known && segmentRecord(id, known.state, known.facts);
  }

  async *ids(): AsyncIterable<SegmentId> {
    await this.#settled();
    for await (const id of eachSegment(this.#options.environment, this.#tables)) {
      yield id;
      this.#assertOpen();
    }
  }

  async *list(): AsyncIterable<SegmentSummary> {
    for await (const id of this.ids()) {
      await this.#options.environment.ready();
      const known = this.#read(id);
      if (known) yield segmentSummary(id, known.state, known.facts.tags);
    }
  }

  async heldBlocks(id: SegmentId, trust?: "verified"): Promise<readonly number[] | undefined> {
    await this.#ready(id);
    const state = this.#state(id);
    return state && (trust ? state.verified : state.held).indexes();
  }

  putBlock(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    return this.#puts.put(segment, index, block);
  }

  getBlock(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined> {
    return this.#reads.get(id, index, options);
  }

  withBlock<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    options?: ReadOptions,
  ): Promise<T | undefined> {
    return this.#reads.lend(id, index, use, options);
  }

  #noteRead(id: SegmentId): void {
    const isTimeToWrite = this.#accesses.note(mapKey(id), id, this.#options.clock.wallMs());
    if (isTimeToWrite) void this.#queue.whole(() => {});
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    return this.#removals.segment(id);
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    this.#assertOpen();
    return this.#removals.block(id, index);
  }

  async removeAll(which: RemoveAllOptions = {}): Promise<number> {
    await this.#settled();
    return this.#removals.matching(this.ids(), which);
  }

  async expire(): Promise<number> {
    this.#assertOpen();
    return this.#removals.expired();
  }

  async limits(): Promise<Limits> {
    this.#assertOpen();
    await this.#options.environment.ready();
    this.#limits = reading(this.#options.environment, () => this.#options.limits.read(this.#tables));
    return this.#limits;
  }

  async setLimits(limits: Partial<Limits>): Promise<void> {
    this.#assertOpen();
    await this.#options.limits.change(this.#tables, {
      ...(limits.limitBytes !== undefined && { limitBytes: limits.limitBytes }),
      ...("maxAgeMs" in limits && { maxAgeMs: limits.maxAgeMs ?? 0 }),
    });
    await this.#queue.whole((ledger) => ledger.makeRoom(0));
    await this.#files.reclaimed();
  }

  async statistics(): Promise<StoreStatistics> {
    await this.#settled();
    return reading(this.#options.environment, () => {
      const { hits, gone, pinnedBytes } = readTotals(this.#tables);
      const oldestMs = readOldest(this.#tables)?.createdMs;
      const latest = readNotes(this.#tables);
      return { hits, gone, latest, pinnedBytes, ...(oldestMs !== undefined && { oldestMs }) };
    });
  }

  watch(listener: (change: StoreChange) => void): () => void {
    return this.#feed.watch(listener);
  }

  async pin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    return this.#queue.change(this.#expect(own), { bytes: 0, run: (ledger) => ledger.pin(own, 1) });
  }

  async unpin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    const result = await this.#queue.change(this.#expect(own), {
      bytes: 0,
      run: (ledger) => ledger.pin(own, -1),
    });
    this.#puts.resume();
    return result;
  }

  async usage(): Promise<StoreUsage> {
    await this.expire();
    await this.#writer.settled();
    await this.#options.environment.ready();
    const { bytes, complete, segments } = reading(this.#options.environment, () => readTotals(this.#tables));
    const { limitBytes } = await this.limits();
    return { bytes, limitBytes, segments: { complete, partial: segments - complete } };
  }

  async flush(): Promise<void> {
    await this.#drain();
    const lost = this.#puts.takeLoss();
    if (lost !== undefined) throw lost;
  }

  /** Resolves when all that is queued is on the disk or has failed. */
  async #drain(): Promise<void> {
    this.#assertOpen();
    if (!this.#accesses.isEmpty) void this.#queue.whole(() => {});
    await this.#writer.settled();
    await this.#files.deleted();
    await this.#secretRemovals.done();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#drain();
    await this.#files.close();
    await this.#secretRemovals.done();
  }

  /** Moves blocks together until no file has anything else in it. */
  compact(): Promise<void> {
    return this.#files.compact();
  }

  /** Runs `work` while no block is stored and no file is written to or deleted. */
  async whileStill<T>(work: () => Promise<T>): Promise<T> {
    this.#puts.isPaused = true;
    try {
      await this.#drain();
      return await this.#files.whileStill(work);
    } finally {
      this.#puts.isPaused = false;
    }
  }

  /** So much of the least recently used. */
  #evict(bytes: number): Promise<boolean> {
    return this.#queue.whole((ledger, view) => {
      ledger.makeRoom(Math.max(0, this.#limits.limitBytes - view.totals.bytes) + bytes);
      return ledger.evictions.length > 0;
    });
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }

  /** Waits for queued changes only where they concern these segments: serving goes on while others are written. */
  async #ready(...ids: readonly SegmentId[]): Promise<void> {
    await this.#options.environment.ready();
    this.#assertOpen();
    if (!this.#queue.concerns(ids)) return;
    await this.#writer.settled();
    await this.#options.environment.ready();
    this.#assertOpen();
  }

  /** Waits for all that is queued, reads to be counted among them, and drops what is too old. */
  async #settled(): Promise<void> {
    await this.#drain();
    await this.expire();
    await this.#options.environment.ready();
  }

  #state(id: SegmentId): SegmentState | undefined {
    const state = reading(this.#options.environment, () => readState(this.#tables, id));
    return state && isExpired(state, this.#options.clock.wallMs(), this.#limits) ? undefined : state;
  }

  #read(id: SegmentId): Expected["known"] {
    const { environment, clock } = this.#options;
    if (environment.ready() !== undefined) return undefined;
    const known = reading(environment, () => readSegment(this.#tables, id));
    return known && isExpired(known.state, clock.wallMs(), this.#limits) ? undefined : known;
  }

  #expect(id: SegmentId): Expected {
    return this.#queue.expected(id, () => this.#read(id));
  }

  /** Resolves when files of which nothing is left are deleted. */
  #onCommit({ evictions, changes, totals, limits, files, goneFiles }: Committed): Promise<void> {
    const { observer, onRemoved } = this.#options;
    this.#totals = totals;
    this.#limits = limits;
    if (evictions.length > 0 || goneFiles.some(({ endBytes }) => endBytes > 0)) this.#puts.resume();
    for (const { id, whole } of evictions) if (whole) void this.#secretRemovals.add(onRemoved(id));
    reportEvictions(observer, evictions);
    reportTotals(observer, totals, limits.limitBytes);
    this.#feed.tell(changes);
    return this.#files.committed(files, goneFiles);
  }
}
