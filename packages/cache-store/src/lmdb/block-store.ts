/** The block store on LMDB. Reads are synchronous and see what is committed; writes go through a queue. */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, errorCode, type Observer } from "@branchcache/runtime";
import type {
  BlockStore,
  HeldSegment,
  NewSegment,
  PutResult,
  SegmentRecord,
  StoredBlock,
  StoreUsage,
} from "../block-store.ts";
import { StoreError } from "../errors.ts";
import type { Ledger } from "../store/ledger.ts";
import { FullReporter, reportEvictions, reportTotals } from "../store/report.ts";
import {
  checkBlock,
  copyFacts,
  heldSegment,
  judgePut,
  mergeFacts,
  newState,
  type SegmentFacts,
  type SegmentState,
  segmentRecord,
  standing,
  storedBytes,
  type Totals,
} from "../store/segment-state.ts";
import { BatchWriter, type Committed, QUEUE_BYTES } from "./batch-writer.ts";
import { BufferPool } from "./buffer-pool.ts";
import { type Environment, reading } from "./environment.ts";
import { BLOCK_HEADER_BYTES, blockKey, decodeBlock, encodeBlock } from "./formats.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import { type BlockTables, mapKey, openBlockTables, readFacts, readState, readTotals } from "./tables.ts";

export interface LmdbBlockStoreOptions {
  readonly environment: Environment;
  readonly limitBytes: number;
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
  readonly #buffers = new BufferPool(QUEUE_BYTES);
  #totals: Totals;
  /** Monotonic. */
  #diskFullUntilMs = 0;
  /** What `onRemoved` has under way. */
  readonly #removals = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: LmdbBlockStoreOptions) {
    const { environment, limitBytes, reserve, observer } = options;
    this.#options = options;
    this.#tables = openBlockTables(environment);
    this.#full = new FullReporter(observer, limitBytes);
    this.#writer = new BatchWriter({
      environment,
      tables: this.#tables,
      limitBytes,
      reserve,
      onCommit: (committed) => this.#onCommit(committed),
      onDiskFull: () => this.#full.full("disk", this.#totals.bytes),
    });
    this.#totals = readTotals(this.#tables);
    if (this.#totals.bytes > limitBytes) {
      // The limit was larger when it was filled.
      this.#writer.enqueue({ bytes: 0, run: (ledger) => ledger.makeRoom(0), settle: () => {} });
    }
    reportTotals(observer, this.#totals, limitBytes);
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
    this.#assertOpen();
    await this.#writer.settled();
    for (const key of this.#tables.states.getKeys({ snapshot: false })) {
      yield new Uint8Array(key);
      this.#assertOpen();
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
    const { limitBytes, clock } = this.#options;
    const expected = this.#expect(segment.id);
    const { known } = expected;
    const bytes = storedBytes(block);
    const growthBytes = known?.state.held.has(index) ? 0 : bytes;
    const verdict = judgePut(known, segment, index, growthBytes, this.#totals, limitBytes);
    if (verdict === "full") {
      this.#full.full("limit", this.#totals.bytes);
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
        if (outcome === "full") this.#full.full("limit", this.#totals.bytes);
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

  async getBlock(id: SegmentId, index: number): Promise<StoredBlock | undefined> {
    return this.withBlock(id, index, (block) => ({
      ...block,
      iv: new Uint8Array(block.iv),
      data: new Uint8Array(block.data),
    }));
  }

  async withBlock<T>(id: SegmentId, index: number, use: (block: StoredBlock) => T): Promise<T | undefined> {
    await this.#ready(id);
    const state = this.#state(id);
    if (!state?.held.has(index)) return undefined;
    const key = blockKey(id, index);
    const value = reading(this.#options.environment, () => this.#tables.blocks.getBinaryFast(key));
    const block = value && decodeBlock(key, value);
    if (!block) {
      const own = new Uint8Array(id);
      await this.#change(own, this.#expect(own), 0, (ledger) => ledger.dropBlock(own, index));
      return undefined;
    }
    return use({ ...block, ...standing(state, index) });
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const own = new Uint8Array(id);
    const expected = this.#expect(own);
    expected.known = undefined;
    return this.#change(own, expected, 0, (ledger) => ledger.remove(own));
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
    this.#assertOpen();
    await this.#writer.settled();
    const { bytes, complete, segments } = reading(this.#options.environment, () => readTotals(this.#tables));
    const { limitBytes } = this.#options;
    return { bytes, limitBytes, segments: { complete, partial: segments - complete } };
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    await this.#writer.settled();
    await Promise.all(this.#removals);
  }

  close(): Promise<void> {
    this.#closing ??= this.#writer.settled().then(async () => {
      await Promise.all(this.#removals);
    });
    return this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreError("BC_STORE_CLOSED", "the store is closed");
  }

  /** Waits for queued changes only where they concern these segments: serving goes on while others are written. */
  async #ready(...ids: readonly SegmentId[]): Promise<void> {
    this.#assertOpen();
    if (this.#expected.size === 0 || !ids.some((id) => this.#expected.has(mapKey(id)))) return;
    await this.#writer.settled();
    this.#assertOpen();
  }

  #state(id: SegmentId): SegmentState | undefined {
    return reading(this.#options.environment, () => readState(this.#tables, id));
  }

  #read(id: SegmentId): Expected["known"] {
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

  #onCommit({ evictions, totals }: Committed): void {
    const { observer, limitBytes, onRemoved } = this.#options;
    this.#totals = totals;
    if (evictions.length > 0) this.#diskFullUntilMs = 0;
    for (const { id, whole } of evictions) {
      if (!whole) continue;
      const removal = onRemoved(id).finally(() => this.#removals.delete(removal));
      this.#removals.add(removal);
    }
    reportEvictions(observer, evictions);
    reportTotals(observer, totals, limitBytes);
  }
}
