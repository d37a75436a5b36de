/** The block store on LMDB. Reads are synchronous and see what is committed; writes go through a queue. */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, errorCode, errorMessage, type Observer } from "@branchcache/runtime";
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
import { StoreError } from "../errors.ts";
import { blockKey } from "../node/encodings.ts";
import { AccessLog } from "../store/access-log.ts";
import type { Ledger } from "../store/ledger.ts";
import { ChangeFeed, FullReporter, reportEvictions, reportTotals } from "../store/report.ts";
import {
  checkBlock,
  copyFacts,
  heldSegment,
  isExpired,
  judgePut,
  mergeFacts,
  newState,
  type SegmentState,
  segmentRecord,
  segmentSummary,
  storedBytes,
  type Totals,
} from "../store/segment-state.ts";
import { BatchWriter, type Committed, type Outcome } from "./batch-writer.ts";
import { BlockReads } from "./block-reads.ts";
import { placeOf } from "./blocks/appender.ts";
import { BlockFiles } from "./blocks/block-files.ts";
import { isSamePlace, type Place } from "./blocks/place.ts";
import { ChangeQueue, type Expected } from "./change-queue.ts";
import { type Environment, reading } from "./environment.ts";
import type { LimitSettings } from "./limit-settings.ts";
import { Outstanding } from "./outstanding.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import {
  BlockTables,
  eachSegment,
  mapKey,
  readCreatedUntil,
  readNotes,
  readOldest,
  readSegment,
  readState,
  readTagged,
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

/** A disk without room is not asked again for so long, unless something has gone meanwhile. */
const DISK_FULL_PAUSE_MS = 5000;

export class LmdbBlockStore implements BlockStore {
  readonly #options: LmdbBlockStoreOptions;
  readonly #tables: BlockTables;
  readonly #files: BlockFiles;
  readonly #reads: BlockReads;
  readonly #writer: BatchWriter;
  readonly #queue: ChangeQueue;
  readonly #full: FullReporter;
  readonly #feed = new ChangeFeed();
  readonly #accesses = new AccessLog();
  /** Secrets of removed segments. */
  readonly #removals = new Outstanding();
  #isPaused = false;
  #totals: Totals;
  #limits: Limits;
  /** Monotonic. */
  #diskFullUntilMs = 0;
  /** Why a put since the last `flush` is not on the disk. */
  #lost: unknown;
  #closing: Promise<void> | undefined;

  constructor(options: LmdbBlockStoreOptions) {
    const { environment, limits, reserve, volumeBytes, clock, observer } = options;
    this.#options = options;
    const tables = new BlockTables(environment);
    this.#tables = tables;
    this.#full = new FullReporter(observer);
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
    this.#reads = new BlockReads({
      environment,
      tables,
      files,
      clock,
      limits: () => this.#limits,
      ready: (id) => this.#ready(id),
      onRead: (id) => this.#noteRead(id),
      onDamaged: (id, index, place) => this.#dropDamaged(id, index, place),
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
      onDiskFull: () => this.#full.full("disk", this.#totals.bytes, this.#limits.limitBytes),
    });
    this.#queue = new ChangeQueue(this.#writer);
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

  async putBlock(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    this.#assertOpen();
    checkBlock(segment, index, block);
    const { clock, environment } = this.#options;
    // Nobody waits for a copy of all there is: better not to cache.
    if (environment.isMoving || this.#isPaused) return "full";
    const { limitBytes } = this.#limits;
    const expected = this.#expect(segment.id);
    const { known } = expected;
    const bytes = storedBytes(block);
    const growthBytes = known?.state.held.has(index) ? 0 : bytes;
    const verdict = judgePut(known, segment, index, growthBytes, this.#totals, limitBytes);
    if (verdict === "full") {
      this.#full.full("limit", this.#totals.bytes, this.#limits.limitBytes);
      return verdict;
    }
    const merged = known && mergeFacts(known.state, known.facts, segment);
    if (verdict === "already-held" && !merged) return verdict;
    if (clock.monotonicMs() < this.#diskFullUntilMs) return "full";

    const nowMs = clock.wallMs();
    const state = known?.state ?? newState(segment, 0, nowMs);
    const facts = merged ?? known?.facts ?? copyFacts(segment);
    if (verdict === "stored") {
      state.held.add(index);
      state.bytes += growthBytes;
      if (segment.trust === "verified") {
        state.trust = "verified";
        state.verified.add(index);
      }
    }
    expected.known = { state, facts };

    const { lengthBytes, blockSizeBytes, trust } = segment;
    let own = expected.segment;
    if (!own || merged || own.trust !== trust || verdict !== "stored") {
      own = { ...facts, id: own?.id ?? new Uint8Array(segment.id), lengthBytes, blockSizeBytes, trust };
      expected.segment = own;
    }
    const { id } = own;
    const staged = this.#files.stage(blockKey(id, index), block);
    const run = (ledger: Ledger<Place>) => ledger.put(own, index, bytes, placeOf(staged), nowMs);
    const change = { bytes, staged, run };
    // As long as the disk takes all, what the queue holds is as good as stored, and nobody waits for it.
    if (this.#writer.failing) {
      return this.#queue.change(expected, change).then(
        (value) => this.#judge({ value }),
        (error: unknown) => this.#judge({ error }),
      );
    }
    this.#queue.tell(expected, change, (outcome) => {
      if ("value" in outcome || isFull(outcome.error)) this.#judge(outcome);
      else this.#noteLoss(outcome.error);
    });
    await this.#writer.room();
    await this.#files.room();
    return verdict;
  }

  /** What became of a put. Throws what the caller has to hear of. */
  #judge(outcome: Outcome<PutResult>): PutResult {
    if ("value" in outcome) {
      if (outcome.value === "full") this.#full.full("limit", this.#totals.bytes, this.#limits.limitBytes);
      if (outcome.value === "stored" && !this.#writer.failing) this.#full.stored();
      return outcome.value;
    }
    if (!isFull(outcome.error)) throw outcome.error;
    this.#diskFullUntilMs = this.#options.clock.monotonicMs() + DISK_FULL_PAUSE_MS;
    return "full";
  }

  /** Of a block that was as good as stored. */
  #noteLoss(error: unknown): void {
    if (this.#lost === undefined) {
      const { environment, observer } = this.#options;
      const fields = { path: environment.path, reason: errorMessage(error) };
      observer.event("error", "cache.save_failed", fields);
    }
    this.#lost ??= error;
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

  /** Unless it has been put anew meanwhile. */
  async #dropDamaged(id: SegmentId, index: number, place: Place | undefined): Promise<void> {
    const own = new Uint8Array(id);
    const isStill = (found: Place | undefined) => (place ? isSamePlace(found, place) : found === undefined);
    await this.#queue.change(this.#expect(own), {
      bytes: 0,
      run: (ledger, view) => isStill(view.place(own, index)) && ledger.dropBlock(own, index),
    });
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    const expected = this.#expect(own);
    expected.known = undefined;
    expected.segment = undefined;
    return this.#queue.change(expected, { bytes: 0, run: (ledger) => ledger.remove(own) });
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    return this.#queue.change(this.#expect(own), {
      bytes: 0,
      run: (ledger) => ledger.dropBlock(own, index),
    });
  }

  async removeAll({ tag, shared = true, pinned = false }: RemoveAllOptions = {}): Promise<number> {
    await this.#settled();
    let removed = 0;
    const removeOne = (ledger: Ledger<Place>, id: SegmentId) =>
      tag === undefined || shared ? ledger.remove(id, "flush") : ledger.removeTag(id, tag);
    const remove = async (ids: readonly SegmentId[]) => {
      const going = ids.filter((id) => pinned || this.#state(id)?.pins === 0);
      removed += await this.#queue.whole((ledger) => going.filter((id) => removeOne(ledger, id)).length);
    };
    if (tag !== undefined) {
      const ids = reading(this.#options.environment, () => readTagged(this.#tables, tag));
      for (let i = 0; i < ids.length; i += REMOVED_AT_ONCE) await remove(ids.slice(i, i + REMOVED_AT_ONCE));
      return removed;
    }
    let page: SegmentId[] = [];
    for await (const id of this.ids()) {
      page.push(id);
      if (page.length < REMOVED_AT_ONCE) continue;
      await remove(page);
      page = [];
    }
    await remove(page);
    return removed;
  }

  async expire(): Promise<number> {
    this.#assertOpen();
    let removed = 0;
    await this.#options.environment.ready();
    while (this.#isSomethingExpired()) {
      const count = await this.#queue.whole((ledger) => ledger.expire(REMOVED_AT_ONCE));
      // The transaction itself removes some before it asks for more; nothing left is no progress either.
      if (count === 0 && this.#isSomethingExpired()) break;
      removed += count;
    }
    return removed;
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
    this.#diskFullUntilMs = 0;
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
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost !== undefined) throw lost;
  }

  /** Resolves when all that is queued is on the disk or has failed. */
  async #drain(): Promise<void> {
    this.#assertOpen();
    if (!this.#accesses.isEmpty) void this.#queue.whole(() => {});
    await this.#writer.settled();
    await this.#files.deleted();
    await this.#removals.done();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#drain();
    await this.#files.close();
    await this.#removals.done();
  }

  /** Moves blocks together until no file has anything else in it. */
  compact(): Promise<void> {
    return this.#files.compact();
  }

  /** Runs `work` while no block is stored and no file is written to or deleted. */
  async whileStill<T>(work: () => Promise<T>): Promise<T> {
    this.#isPaused = true;
    try {
      await this.#drain();
      return await this.#files.whileStill(work);
    } finally {
      this.#isPaused = false;
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
    if (this.#closing !== undefined) throw new StoreError("BC_STORE_CLOSED", "the store is closed");
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

  #isSomethingExpired(): boolean {
    const { maxAgeMs } = this.#limits;
    if (maxAgeMs === undefined) return false;
    const untilMs = this.#options.clock.wallMs() - maxAgeMs;
    return reading(this.#options.environment, () => readCreatedUntil(this.#tables, untilMs)) !== undefined;
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
    if (evictions.length > 0 || goneFiles.some(({ endBytes }) => endBytes > 0)) this.#diskFullUntilMs = 0;
    for (const { id, whole } of evictions) if (whole) void this.#removals.add(onRemoved(id));
    reportEvictions(observer, evictions);
    reportTotals(observer, totals, limits.limitBytes);
    this.#feed.tell(changes);
    return this.#files.committed(files, goneFiles);
  }
}

/** Segments removed in one transaction. */
const REMOVED_AT_ONCE = 64;

function isFull(error: unknown): boolean {
  return errorCode(error) === "BC_STORE_FULL";
}
