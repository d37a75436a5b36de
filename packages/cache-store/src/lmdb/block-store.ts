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
import { BLOCK_HEADER_BYTES, blockKey, decodeBlock, encodeBlock } from "../node/encodings.ts";
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
  standing,
  storedBytes,
  type Totals,
} from "../store/segment-state.ts";
import { BatchWriter, type Committed, QUEUE_BYTES } from "./batch-writer.ts";
import { BufferPool } from "./buffer-pool.ts";
import { type Environment, reading } from "./environment.ts";
import type { LimitSettings } from "./limit-settings.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import {
  BlockTables,
  mapKey,
  readCreatedUntil,
  readFacts,
  readNotes,
  readState,
  readTagged,
  readTotals,
} from "./tables.ts";

export interface LmdbBlockStoreOptions {
  readonly environment: Environment;
  readonly limits: LimitSettings;
  readonly reserve: SpaceReserve;
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
  readonly #buffers = new BufferPool(QUEUE_BYTES);
  #totals: Totals;
  #limits: Limits;
  /** Monotonic. */
  #diskFullUntilMs = 0;
  /** What `onRemoved` has under way. */
  readonly #removals = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: LmdbBlockStoreOptions) {
    const { environment, limits, reserve, clock, observer } = options;
    this.#options = options;
    this.#tables = new BlockTables(environment);
    this.#full = new FullReporter(observer);
    this.#writer = new BatchWriter({
      environment,
      tables: this.#tables,
      limits,
      accesses: this.#accesses,
      clock,
      reserve,
      onCommit: (committed) => this.#onCommit(committed),
      onDiskFull: () => this.#full.full("disk", this.#totals.bytes, this.#limits.limitBytes),
    });
    this.#totals = readTotals(this.#tables);
    this.#limits = limits.read(this.#tables);
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
    let start: Uint8Array | undefined;
    for (;;) {
      await this.#options.environment.ready();
      const keys = reading(this.#options.environment, () => [
        ...this.#tables.states.getKeys(pageAfter(start)),
      ]).map((key) => new Uint8Array(key));
      start = keys.at(-1);
      if (!start) return;
      for (const key of keys) {
        yield key;
        this.#assertOpen();
      }
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
    if (environment.isMoving) return "full";
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
    const own: NewSegment = { ...facts, id: new Uint8Array(segment.id), lengthBytes, blockSizeBytes, trust };
    const value = encodeBlock(blockKey(own.id, index), block, this.#buffers.take(BLOCK_HEADER_BYTES + bytes));
    const committed = this.#change(own.id, expected, bytes, (ledger) =>
      ledger.put(own, index, bytes, value, nowMs),
    );
    const give = () => this.#buffers.give(value);
    committed.then(give, give);
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
    return verdict;
  }

  async getBlock(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined> {
    const copy = (block: StoredBlock): StoredBlock => ({
      ...block,
      iv: new Uint8Array(block.iv),
      data: new Uint8Array(block.data),
    });
    return this.withBlock(id, index, copy, options);
  }

  async withBlock<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    { counts = true }: ReadOptions = {},
  ): Promise<T | undefined> {
    await this.#ready(id);
    const state = this.#state(id);
    if (!state?.held.has(index)) return undefined;
    const key = blockKey(id, index);
    const value = reading(this.#options.environment, () => this.#tables.blocks.getBinaryFast(key));
    const block = value && decodeBlock(key, value);
    if (!block) {
      await this.dropBlock(id, index);
      return undefined;
    }
    const isTimeToWrite = counts && this.#accesses.note(mapKey(id), id, this.#options.clock.wallMs());
    if (isTimeToWrite) void this.#whole(() => {});
    return use({ ...block, ...standing(state, index) });
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    const expected = this.#expect(own);
    expected.known = undefined;
    return this.#change(own, expected, 0, (ledger) => ledger.remove(own));
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    return this.#change(own, this.#expect(own), 0, (ledger) => ledger.dropBlock(own, index));
  }

  async removeAll({ tag, shared = true, pinned = false }: RemoveAllOptions = {}): Promise<number> {
    await this.#settled();
    let removed = 0;
    const removeOne = (ledger: Ledger<Uint8Array>, id: SegmentId) =>
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
  }

  async statistics(): Promise<StoreStatistics> {
    await this.#settled();
    return reading(this.#options.environment, () => {
      const { hits, gone } = readTotals(this.#tables);
      return { hits, gone, latest: readNotes(this.#tables) };
    });
  }

  watch(listener: (change: StoreChange) => void): () => void {
    return this.#feed.watch(listener);
  }

  async pin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    return this.#change(own, this.#expect(own), 0, (ledger) => ledger.pin(own, 1));
  }

  async unpin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    const result = await this.#change(own, this.#expect(own), 0, (ledger) => ledger.pin(own, -1));
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
    this.#closing ??= this.flush();
    return this.#closing;
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
    if (this.#options.environment.ready() !== undefined) return undefined;
    const state = this.#state(id);
    const facts = state && reading(this.#options.environment, () => readFacts(this.#tables, id));
    return state && facts && { state, facts };
  }

  #expect(id: SegmentId): Expected {
    return this.#expected.get(mapKey(id)) ?? { known: this.#read(id), queuedChanges: 0 };
  }

  /** Queues a change of one segment; resolves with its outcome when that is committed. */
  #change<T>(
    id: SegmentId,
    expected: Expected,
    bytes: number,
    run: (ledger: Ledger<Uint8Array>) => T,
  ): Promise<T> {
    const key = mapKey(id);
    expected.queuedChanges++;
    this.#expected.set(key, expected);
    return new Promise<T>((resolve, reject) => {
      this.#writer.enqueue<T>({
        bytes,
        run,
        settle: (outcome) => {
          expected.queuedChanges--;
          if (expected.queuedChanges === 0) this.#expected.delete(key);
          if ("value" in outcome) resolve(outcome.value);
          else reject(outcome.error);
        },
      });
    });
  }

  /** Queues a change of no segment in particular. */
  #whole<T>(run: (ledger: Ledger<Uint8Array>) => T): Promise<T> {
    const done = new Promise<T>((resolve, reject) => {
      this.#writer.enqueue<T>({
        bytes: 0,
        run,
        settle: (outcome) => ("value" in outcome ? resolve(outcome.value) : reject(outcome.error)),
      });
    });
    // Some have nobody who waits.
    done.catch(() => {});
    return done;
  }

  #onCommit({ evictions, changes, totals, limits }: Committed): void {
    const { observer, onRemoved } = this.#options;
    this.#totals = totals;
    this.#limits = limits;
    if (evictions.length > 0) this.#diskFullUntilMs = 0;
    for (const { id, whole } of evictions) {
      if (!whole) continue;
      const removal = onRemoved(id).finally(() => this.#removals.delete(removal));
      this.#removals.add(removal);
    }
    reportEvictions(observer, evictions);
    reportTotals(observer, totals, limits.limitBytes);
    this.#feed.tell(changes);
  }
}

/** Read at once, so that no cursor stays open while others work. */
const PAGE_KEYS = 256;

function pageAfter(start: Uint8Array | undefined) {
  return start ? { start, exclusiveStart: true, limit: PAGE_KEYS } : { limit: PAGE_KEYS };
}

/** Segments removed in one transaction. */
const REMOVED_AT_ONCE = 64;
