/** The block store in memory. */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, type Observer, silentObserver } from "@branchcache/runtime";
import type {
  BlockStore,
  HeldSegment,
  Limits,
  NewSegment,
  PutResult,
  ReadOptions,
  RemovalNote,
  RemoveAllOptions,
  SegmentRecord,
  SegmentSummary,
  StoreChange,
  StoredBlock,
  StoreStatistics,
  StoreUsage,
} from "../block-store.ts";
import { closedError } from "../errors.ts";
import { Ledger } from "../store/ledger.ts";
import { ChangeFeed, FullReporter, latestNotes, reportEvictions, reportTotals } from "../store/report.ts";
import {
  checkBlock,
  checkLimits,
  heldSegment,
  isExpired,
  type SegmentState,
  segmentRecord,
  segmentSummary,
  standing,
  storedBytes,
} from "../store/segment-state.ts";
import { copyBlock, idOf, MemoryTables } from "./tables.ts";

/** How much a store in memory may hold: the limit is for blocks, publications and secrets have none. */
export interface MemoryStoreOptions {
  /** Of initialization vectors and ciphertext together. */
  readonly limitBytes: number;
  /** Since creation; default none. */
  readonly maxAgeMs?: number;
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
}

export class MemoryBlockStore implements BlockStore {
  readonly #tables = new MemoryTables();
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #onRemoved: (id: SegmentId) => void;
  readonly #full: FullReporter;
  readonly #feed = new ChangeFeed();
  #limits: Limits;
  #latest: readonly RemovalNote[] = [];
  #closed = false;

  constructor(options: MemoryStoreOptions, onRemoved: (id: SegmentId) => void) {
    this.#limits = checkLimits({ limitBytes: options.limitBytes, maxAgeMs: options.maxAgeMs });
    this.#clock = options.clock;
    this.#observer = options.observer ?? silentObserver;
    this.#onRemoved = onRemoved;
    this.#full = new FullReporter(this.#observer);
    reportTotals(this.#observer, this.#tables.totals, this.#limits.limitBytes);
  }

  async holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]> {
    this.#assertOpen();
    return ids.map((id) => {
      const state = this.#state(id);
      return state && heldSegment(state);
    });
  }

  async segment(id: SegmentId): Promise<SegmentRecord | undefined> {
    this.#assertOpen();
    const state = this.#state(id);
    const facts = state && this.#tables.facts(id);
    return state && facts && segmentRecord(id, state, facts);
  }

  async *ids(): AsyncIterable<SegmentId> {
    for await (const { id } of this.list()) yield id;
  }

  async *list(): AsyncIterable<SegmentSummary> {
    await this.expire();
    for (const key of [...this.#tables.states.keys()]) {
      const id = idOf(key);
      const state = this.#state(id);
      if (state) yield segmentSummary(id, state, this.#tables.facts(id)?.tags ?? []);
    }
  }

  async heldBlocks(id: SegmentId, trust?: "verified"): Promise<readonly number[] | undefined> {
    this.#assertOpen();
    const state = this.#state(id);
    return state && (trust ? state.verified : state.held).indexes();
  }

  async putBlock(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    this.#assertOpen();
    checkBlock(segment, index, block);
    const result = this.#write((ledger) =>
      ledger.put({ ...segment, id: new Uint8Array(segment.id) }, index, storedBytes(block), block),
    );
    if (result === "full") this.#full.full("limit", this.#tables.totals.bytes, this.#limits.limitBytes);
    if (result === "stored") this.#full.stored();
    return result;
  }

  async getBlock(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined> {
    return this.withBlock(id, index, (block) => ({ ...block, ...copyBlock(block) }), options);
  }

  async withBlock<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    { counts = true }: ReadOptions = {},
  ): Promise<T | undefined> {
    this.#assertOpen();
    const state = this.#state(id);
    const block = this.#tables.block(id, index);
    if (!state || !block) return undefined;
    if (counts) {
      const usedMs = this.#clock.wallMs();
      this.#write((ledger) => ledger.recordAccess({ id: new Uint8Array(id), hits: 1, usedMs }));
    }
    return use({ ...block, ...standing(state, index) });
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    return this.#write((ledger) => ledger.remove(new Uint8Array(id)));
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    this.#assertOpen();
    return this.#write((ledger) => ledger.dropBlock(new Uint8Array(id), index));
  }

  async removeAll({ tag, shared = true, pinned = false }: RemoveAllOptions = {}): Promise<number> {
    this.#assertOpen();
    const ids = tag === undefined ? [...this.#tables.states.keys()].map(idOf) : this.#tables.tagged(tag);
    const going = ids.filter((id) => pinned || this.#tables.state(id)?.pins === 0);
    const remove = (ledger: Ledger<SealedBlock>, id: SegmentId) =>
      tag === undefined || shared ? ledger.remove(id, "flush") : ledger.removeTag(id, tag);
    return this.#write((ledger) => going.filter((id) => remove(ledger, id)).length);
  }

  async expire(): Promise<number> {
    this.#assertOpen();
    return this.#write((ledger) => ledger.expire(Number.POSITIVE_INFINITY));
  }

  async limits(): Promise<Limits> {
    this.#assertOpen();
    return this.#limits;
  }

  async setLimits(limits: Partial<Limits>): Promise<void> {
    this.#assertOpen();
    this.#limits = checkLimits({ ...this.#limits, ...limits });
    this.#write((ledger) => ledger.makeRoom(0));
  }

  async statistics(): Promise<StoreStatistics> {
    this.#assertOpen();
    const { hits, gone, pinnedBytes } = this.#tables.totals;
    const { oldestMs } = this.#tables;
    return {
      hits,
      gone: structuredClone(gone),
      latest: this.#latest,
      pinnedBytes,
      ...(oldestMs !== undefined && { oldestMs }),
    };
  }

  watch(listener: (change: StoreChange) => void): () => void {
    return this.#feed.watch(listener);
  }

  async pin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    return this.#write((ledger) => ledger.pin(new Uint8Array(id), 1));
  }

  async unpin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    return this.#write((ledger) => ledger.pin(new Uint8Array(id), -1));
  }

  async usage(): Promise<StoreUsage> {
    await this.expire();
    const { bytes, complete, segments } = this.#tables.totals;
    const { limitBytes } = this.#limits;
    return { bytes, limitBytes, segments: { complete, partial: segments - complete } };
  }

  async flush(): Promise<void> {
    this.#assertOpen();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }

  #state(id: SegmentId): SegmentState | undefined {
    const state = this.#tables.state(id);
    return state && isExpired(state, this.#clock.wallMs(), this.#limits) ? undefined : state;
  }

  #write<T>(run: (ledger: Ledger<SealedBlock>) => T): T {
    const ledger = new Ledger(this.#tables, this.#limits, this.#clock.wallMs());
    try {
      return run(ledger);
    } finally {
      const { evictions, changes } = ledger;
      for (const { id, whole } of evictions) if (whole) this.#onRemoved(id);
      if (evictions.length > 0) this.#latest = latestNotes(this.#latest, evictions);
      reportEvictions(this.#observer, evictions);
      if (changes.length > 0) reportTotals(this.#observer, this.#tables.totals, this.#limits.limitBytes);
      this.#feed.tell(changes);
    }
  }
}
