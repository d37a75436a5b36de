/** The block store on LMDB. Reads are synchronous and see what is committed; writes go through a queue. */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, errorCode, type Observer } from "@branchcache/runtime";
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
import { blockKey, decodeBlock, unfilledBytes } from "../node/encodings.ts";
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
  type SegmentFacts,
  type SegmentState,
  segmentRecord,
  segmentSummary,
  storedBytes,
  type Totals,
} from "../store/segment-state.ts";
import { BatchWriter, type Change, type Committed, transact } from "./batch-writer.ts";
import { Appender, type OpenFile, placeOf } from "./blocks/appender.ts";
import { deleteBlockFile, openForAppending } from "./blocks/directory.ts";
import { FileChanges } from "./blocks/file-table.ts";
import { isSamePlace, type Place } from "./blocks/place.ts";
import { BlockReader } from "./blocks/reader.ts";
import { fileBytesFor, Reclaimer } from "./blocks/reclaimer.ts";
import { type Environment, reading } from "./environment.ts";
import type { LimitSettings } from "./limit-settings.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import {
  BlockTables,
  eachSegment,
  mapKey,
  readBlockEntry,
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

/** What a segment will be once its queued changes are committed, as far as can be told beforehand. */
interface Expected {
  known: { state: SegmentState; facts: SegmentFacts } | undefined;
  /** What was last queued for it: mostly the next block is of the same writer. */
  segment: NewSegment | undefined;
  queuedChanges: number;
}

export class LmdbBlockStore implements BlockStore {
  readonly #options: LmdbBlockStoreOptions;
  readonly #tables: BlockTables;
  readonly #writer: BatchWriter;
  readonly #expected = new Map<string, Expected>();
  readonly #full: FullReporter;
  readonly #feed = new ChangeFeed();
  readonly #accesses = new AccessLog();
  readonly #appender: Appender;
  readonly #reader: BlockReader;
  readonly #reclaimer: Reclaimer;
  /** Blocks are read into this, to be lent. */
  #lent: Uint8Array = new Uint8Array(0);
  #isPaused = false;
  #hasClaimed = false;
  #totals: Totals;
  #limits: Limits;
  /** Monotonic. */
  #diskFullUntilMs = 0;
  /** What goes with removed segments: their secrets, and files of which nothing is left. */
  readonly #removals = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: LmdbBlockStoreOptions) {
    const { environment, limits, reserve, clock, observer } = options;
    this.#options = options;
    this.#tables = new BlockTables(environment);
    this.#full = new FullReporter(observer);
    this.#totals = readTotals(this.#tables);
    this.#limits = limits.read(this.#tables);
    this.#appender = new Appender({ open: () => this.#openFile(), fileBytes: () => this.#fileBytes() });
    this.#reader = new BlockReader(environment);
    this.#reclaimer = new Reclaimer({
      environment,
      tables: this.#tables,
      appender: this.#appender,
      reader: this.#reader,
      fileBytes: () => this.#fileBytes(),
      limitBytes: () => this.#limits.limitBytes,
      change: (change) => this.#enqueue(change),
      room: () => this.#writer.room(),
      evict: (bytes) => this.#evict(bytes),
    });
    this.#writer = new BatchWriter({
      environment,
      tables: this.#tables,
      limits,
      accesses: this.#accesses,
      clock,
      reserve,
      appender: this.#appender,
      fileBytes: () => this.#fileBytes(),
      emptiestFile: (except) => this.#reclaimer.emptiestFile(except),
      onCommit: (committed) => this.#onCommit(committed),
      onDiskFull: () => this.#full.full("disk", this.#totals.bytes, this.#limits.limitBytes),
    });
    // The limit may have been larger when it was filled.
    if (this.#totals.bytes > this.#limits.limitBytes) void this.#whole((ledger) => ledger.makeRoom(0));
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
    const staged = this.#appender.stage(blockKey(id, index), block);
    const run = (ledger: Ledger<Place>) => ledger.put(own, index, bytes, placeOf(staged), nowMs);
    const committed = this.#change(id, expected, { bytes, staged, run });
    const result = committed.then(
      (outcome) => {
        if (outcome === "full") this.#full.full("limit", this.#totals.bytes, this.#limits.limitBytes);
        if (outcome === "stored" && !this.#writer.failing) this.#full.stored();
        return outcome;
      },
      (error: unknown): PutResult => {
        if (errorCode(error) !== "BC_STORE_FULL") throw error;
        this.#diskFullUntilMs = clock.monotonicMs() + DISK_FULL_PAUSE_MS;
        return "full";
      },
    );
    // As long as the disk takes all, what the queue holds is as good as stored.
    if (this.#writer.failing) return result;
    result.catch(() => {});
    await this.#writer.room();
    await this.#reclaimer.room();
    // What is written meanwhile must be noticed, or the next piece waits.
    if (this.#appender.isPieceFull) await new Promise((resolve) => setImmediate(resolve));
    return verdict;
  }

  async getBlock(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined> {
    const copy = (block: StoredBlock): StoredBlock => ({ ...block, iv: new Uint8Array(block.iv) });
    // The buffer is the caller's.
    return this.#withBlock(id, index, unfilledBytes, copy, options);
  }

  async withBlock<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    options?: ReadOptions,
  ): Promise<T | undefined> {
    return this.#withBlock(id, index, (bytes) => this.#lend(bytes), use, options);
  }

  async #withBlock<T>(
    id: SegmentId,
    index: number,
    take: (bytes: number) => Uint8Array,
    use: (block: StoredBlock) => T,
    { checked = true, counts = true }: ReadOptions = {},
  ): Promise<T | undefined> {
    await this.#ready(id);
    const { environment, clock } = this.#options;
    const key = blockKey(id, index);
    let entry = reading(environment, () => readBlockEntry(this.#tables, id, index));
    for (let tries = 1; ; tries++) {
      if (!entry || isExpired(entry, clock.wallMs(), this.#limits)) return undefined;
      const { place, trust, nextBlockIndex } = entry;
      const value = place && take(place.lengthBytes);
      const isRead = place && value && reading(environment, () => this.#reader.read(place, value));
      const block = isRead ? decodeBlock(key, value, checked) : undefined;
      if (block) {
        const isTimeToWrite = counts && this.#accesses.note(mapKey(id), id, clock.wallMs());
        if (isTimeToWrite) void this.#whole(() => {});
        const { cipher, iv, data } = block;
        return use({ cipher, iv, data, trust, nextBlockIndex });
      }
      // Another process may have moved it a moment ago, and what is seen here is older.
      environment.root.resetReadTxn();
      entry = reading(environment, () => readBlockEntry(this.#tables, id, index));
      if (place) this.#reader.forget(place.file);
      const isMoved = place && entry && !isSamePlace(entry.place, place);
      if (isMoved || tries === 1) continue;
      await this.#dropDamaged(id, index, place);
      return undefined;
    }
  }

  #lend(bytes: number): Uint8Array {
    if (bytes > MOST_LENT_BYTES) return unfilledBytes(bytes);
    if (this.#lent.length < bytes) this.#lent = unfilledBytes(bytes);
    return this.#lent.subarray(0, bytes);
  }

  /** Unless it has been put anew meanwhile. */
  async #dropDamaged(id: SegmentId, index: number, place: Place | undefined): Promise<void> {
    const own = new Uint8Array(id);
    const isStill = (found: Place | undefined) => (place ? isSamePlace(found, place) : found === undefined);
    await this.#change(own, this.#expect(own), {
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
    return this.#change(own, expected, { bytes: 0, run: (ledger) => ledger.remove(own) });
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    return this.#change(own, this.#expect(own), {
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
      removed += await this.#whole((ledger) => going.filter((id) => removeOne(ledger, id)).length);
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
      const count = await this.#whole((ledger) => ledger.expire(REMOVED_AT_ONCE));
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
    await this.#whole((ledger) => ledger.makeRoom(0));
    await this.#reclaimer.done();
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
    return this.#change(own, this.#expect(own), { bytes: 0, run: (ledger) => ledger.pin(own, 1) });
  }

  async unpin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    const result = await this.#change(own, this.#expect(own), {
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
    this.#assertOpen();
    if (!this.#accesses.isEmpty) void this.#whole(() => {});
    await this.#writer.settled();
    await Promise.all(this.#removals);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.flush();
    await this.#reclaimer.pause();
    await this.#giveFilesUp();
    await this.#appender.close();
    await Promise.all(this.#removals);
    this.#reader.close();
  }

  /** Moves blocks together until no file has anything else in it. */
  async compact(): Promise<void> {
    await this.#giveFilesUp();
    await this.#reclaimer.compactAll();
  }

  /** Runs `work` while no block is stored and no file is written to or deleted. */
  async whileStill<T>(work: () => Promise<T>): Promise<T> {
    this.#isPaused = true;
    try {
      await this.flush();
      await this.#reclaimer.pause();
      await this.#giveFilesUp();
      const result = await work();
      // They may lie elsewhere now.
      this.#reader.close();
      return result;
    } finally {
      this.#reclaimer.resume();
      this.#isPaused = false;
    }
  }

  /** No file is this process's own after this. */
  async #giveFilesUp(): Promise<void> {
    await this.#appender.close();
    await this.#whole((_, view) => view.touch());
    await Promise.all(this.#removals);
  }

  #fileBytes(): number {
    return fileBytesFor(this.#limits.limitBytes, this.#options.volumeBytes);
  }

  /** The first one goes on with a file that nobody writes to and that has room, so that short lives leave no trail. */
  async #openFile(): Promise<OpenFile> {
    const { environment } = this.#options;
    const owner = await environment.owner();
    const isFirst = !this.#hasClaimed;
    this.#hasClaimed = true;
    const { number, endBytes } = await transact(environment, () => {
      const files = new FileChanges(this.#tables.files);
      const known = isFirst ? this.#tables.files.all() : [];
      const half = known.find(([, entry]) => entry.owner === "" && entry.endBytes <= this.#fileBytes() / 2);
      const [taken, entry] = half ?? [files.create(owner), undefined];
      files.claim(taken, owner);
      files.writeBack();
      return { number: taken, endBytes: entry?.endBytes ?? 0 };
    });
    return { number, endBytes, handle: await openForAppending(environment.path, number) };
  }

  /** So much of the least recently used. */
  #evict(bytes: number): Promise<boolean> {
    return this.#whole((ledger, view) => {
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
    if (this.#expected.size === 0 || !ids.some((id) => this.#expected.has(mapKey(id)))) return;
    await this.#writer.settled();
    await this.#options.environment.ready();
    this.#assertOpen();
  }

  /** Waits for all that is queued, reads to be counted among them, and drops what is too old. */
  async #settled(): Promise<void> {
    await this.flush();
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
    return this.#expected.get(mapKey(id)) ?? { known: this.#read(id), segment: undefined, queuedChanges: 0 };
  }

  /** Queues a change of one segment; resolves with its outcome when that is committed. */
  #change<T>(
    id: SegmentId,
    expected: Expected,
    change: Pick<Change<T>, "bytes" | "staged" | "run">,
  ): Promise<T> {
    const key = mapKey(id);
    expected.queuedChanges++;
    this.#expected.set(key, expected);
    return this.#enqueue(change, () => {
      expected.queuedChanges--;
      if (expected.queuedChanges === 0) this.#expected.delete(key);
    });
  }

  /** Queues a change of no segment in particular. */
  #whole<T>(run: Change<T>["run"]): Promise<T> {
    const done = this.#enqueue({ bytes: 0, run });
    // Some have nobody who waits.
    done.catch(() => {});
    return done;
  }

  #enqueue<T>(change: Pick<Change<T>, "bytes" | "staged" | "run">, onSettled = () => {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#writer.enqueue<T>({
        ...change,
        settle: (outcome) => {
          onSettled();
          if ("value" in outcome) resolve(outcome.value);
          else reject(outcome.error);
        },
      });
    });
  }

  /** Resolves when files of which nothing is left are deleted. */
  #onCommit({ evictions, changes, totals, limits, files, goneFiles }: Committed): Promise<void> {
    const { environment, observer, onRemoved } = this.#options;
    this.#totals = totals;
    this.#limits = limits;
    if (evictions.length > 0 || goneFiles.some(({ endBytes }) => endBytes > 0)) this.#diskFullUntilMs = 0;
    for (const { id, whole } of evictions) if (whole) void this.#remember(onRemoved(id));
    const deleted = goneFiles.map(({ number }) => {
      this.#reader.forget(number);
      // One that cannot be deleted now is deleted when the store is opened again.
      return this.#remember(deleteBlockFile(environment.path, number).catch(() => {}));
    });
    reportEvictions(observer, evictions);
    reportTotals(observer, totals, limits.limitBytes);
    this.#feed.tell(changes);
    this.#reclaimer.note(files);
    return Promise.all(deleted).then(() => {});
  }

  /** `flush` and `close` wait for it. */
  #remember(work: Promise<void>): Promise<void> {
    const removal = work.finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
    return removal;
  }
}

/** Larger blocks have a buffer of their own each. */
const MOST_LENT_BYTES = 2 ** 20;

/** Segments removed in one transaction. */
const REMOVED_AT_ONCE = 64;
