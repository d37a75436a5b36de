/** The stores in memory: for tests, for clients that keep nothing, and as the measure of the others. */
import type { SealedBlock, SegmentId, SegmentSecret } from "@branchcache/content-info";
import { type Clock, fromHex, type Observer, silentObserver, toHex } from "@branchcache/runtime";
import type {
  BlockStore,
  HeldSegment,
  Limits,
  NewSegment,
  PublicationEntry,
  PublicationStore,
  PublicationUsage,
  PutResult,
  ReadOptions,
  RemovalNote,
  RemoveAllOptions,
  SecretStore,
  SegmentRecord,
  SegmentSummary,
  StoreChange,
  StoredBlock,
  StoreStatistics,
  Stores,
  StoreUsage,
} from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { Ledger, type Tables } from "./ledger.ts";
import { ChangeFeed, FullReporter, latestNotes, reportEvictions, reportTotals } from "./report.ts";
import {
  checkBlock,
  checkLimits,
  emptyTotals,
  heldSegment,
  isExpired,
  type SegmentFacts,
  type SegmentState,
  segmentRecord,
  segmentSummary,
  standing,
  storedBytes,
} from "./segment-state.ts";
import { SortedQueue } from "./sorted-queue.ts";

export interface MemoryStoreOptions {
  /** Of initialization vectors and ciphertext together. */
  readonly limitBytes: number;
  /** Since creation; default none. */
  readonly maxAgeMs?: number;
  readonly clock: Clock;
  readonly observer?: Observer;
}

export function createMemoryStore(options: MemoryStoreOptions): Stores {
  const secrets = new MemorySecretStore();
  const blocks = new MemoryBlockStore(options, (id) => secrets.forget(id));
  const publications = new MemoryPublicationStore();
  return {
    blocks,
    secrets,
    publications,
    async close() {
      publications.shut();
      await Promise.all([blocks.close(), secrets.close()]);
    },
  };
}

function closedError(): StoreError {
  return new StoreError("BC_STORE_CLOSED", "the store is closed");
}

/** One map a table; keys are identifiers in hexadecimal. */
class MemoryTables implements Tables<SealedBlock> {
  readonly totals = emptyTotals();
  readonly states = new Map<string, SegmentState>();
  readonly blocks = new Map<string, Map<number, SealedBlock>>();
  readonly #facts = new Map<string, SegmentFacts>();
  readonly #queue = new SortedQueue<string>();
  readonly #ages = new SortedQueue<string>();
  readonly #tags = new Map<string, Set<string>>();
  readonly #queued = new Map<number, string>();

  state(id: SegmentId): SegmentState | undefined {
    return this.states.get(toHex(id));
  }

  setState(id: SegmentId, state: SegmentState): void {
    this.states.set(toHex(id), state);
  }

  facts(id: SegmentId): SegmentFacts | undefined {
    return this.#facts.get(toHex(id));
  }

  setFacts(id: SegmentId, facts: SegmentFacts): void {
    this.#facts.set(toHex(id), facts);
  }

  block(id: SegmentId, index: number): SealedBlock | undefined {
    return this.blocks.get(toHex(id))?.get(index);
  }

  blockBytes(id: SegmentId, index: number): number {
    const block = this.block(id, index);
    return block ? storedBytes(block) : 0;
  }

  setBlock(id: SegmentId, index: number, block: SealedBlock): void {
    const key = toHex(id);
    const blocks = this.blocks.get(key) ?? new Map<number, SealedBlock>();
    this.blocks.set(key, blocks.set(index, copyBlock(block)));
  }

  deleteBlock(id: SegmentId, index: number): void {
    this.blocks.get(toHex(id))?.delete(index);
  }

  deleteSegment(id: SegmentId): void {
    const key = toHex(id);
    this.states.delete(key);
    this.#facts.delete(key);
    this.blocks.delete(key);
  }

  queue(sequence: number, id: SegmentId): void {
    this.#queue.set(toHex(id), sequence);
    this.#queued.set(sequence, toHex(id));
  }

  unqueue(sequence: number): void {
    const key = this.#queued.get(sequence);
    if (key !== undefined) this.#queue.delete(key);
    this.#queued.delete(sequence);
  }

  oldest(): readonly SegmentId[] {
    return this.#queue.first(2).map(([key]) => idOf(key));
  }

  queueAge(createdMs: number, id: SegmentId): void {
    this.#ages.set(toHex(id), createdMs);
  }

  unqueueAge(_createdMs: number, id: SegmentId): void {
    this.#ages.delete(toHex(id));
  }

  /** Creation of the oldest without pins. */
  get oldestMs(): number | undefined {
    return this.#ages.first(1)[0]?.[1];
  }

  createdUntil(wallMs: number): SegmentId | undefined {
    const [first] = this.#ages.first(1);
    return first && first[1] <= wallMs ? idOf(first[0]) : undefined;
  }

  tag(tag: string, id: SegmentId): void {
    const tagged = this.#tags.get(tag) ?? new Set<string>();
    this.#tags.set(tag, tagged.add(toHex(id)));
  }

  untag(tag: string, id: SegmentId): void {
    const tagged = this.#tags.get(tag);
    tagged?.delete(toHex(id));
    if (tagged?.size === 0) this.#tags.delete(tag);
  }

  tagged(tag: string): readonly SegmentId[] {
    return [...(this.#tags.get(tag) ?? [])].map(idOf);
  }
}

function idOf(key: string): SegmentId {
  const id = fromHex(key);
  if (!id) throw new TypeError("not a key of these tables");
  return id;
}

function copyBlock(block: SealedBlock): SealedBlock {
  return { cipher: block.cipher, iv: new Uint8Array(block.iv), data: new Uint8Array(block.data) };
}

class MemoryBlockStore implements BlockStore {
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
    this.#limits = { limitBytes: options.limitBytes, maxAgeMs: options.maxAgeMs };
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

class MemorySecretStore implements SecretStore {
  readonly #secrets = new Map<string, SegmentSecret>();
  #closed = false;

  async get(id: SegmentId): Promise<SegmentSecret | undefined> {
    this.#assertOpen();
    const secret = this.#secrets.get(toHex(id));
    return secret && new Uint8Array(secret);
  }

  async put(id: SegmentId, secret: SegmentSecret): Promise<void> {
    this.#assertOpen();
    this.#secrets.set(toHex(id), new Uint8Array(secret));
  }

  async delete(id: SegmentId): Promise<void> {
    this.#assertOpen();
    this.forget(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#secrets.clear();
  }

  forget(id: SegmentId): void {
    this.#secrets.delete(toHex(id));
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

class MemoryPublicationStore implements PublicationStore {
  readonly #entries = new Map<string, PublicationEntry>();
  #closed = false;

  async get(key: string): Promise<PublicationEntry | undefined> {
    this.#assertOpen();
    const entry = this.#entries.get(key);
    return entry && copyEntry(entry);
  }

  async put(key: string, entry: PublicationEntry): Promise<void> {
    this.#assertOpen();
    this.#entries.set(key, copyEntry(entry));
  }

  async delete(key: string): Promise<void> {
    this.#assertOpen();
    this.#entries.delete(key);
  }

  async *keys(): AsyncIterable<string> {
    this.#assertOpen();
    yield* [...this.#entries.keys()];
  }

  async usage(): Promise<PublicationUsage> {
    this.#assertOpen();
    let bytes = 0;
    for (const { publications } of this.#entries.values())
      for (const publication of publications) bytes += publication.length;
    return { bytes, limitBytes: undefined, entries: this.#entries.size };
  }

  shut(): void {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function copyEntry(entry: PublicationEntry): PublicationEntry {
  return { ...entry, publications: entry.publications.map((bytes) => new Uint8Array(bytes)) };
}
