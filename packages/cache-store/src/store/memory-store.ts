/** The stores in memory: for tests, for clients that keep nothing, and as the measure of the others. */
import type { SealedBlock, SegmentId, SegmentSecret } from "@branchcache/content-info";
import { type Clock, fromHex, type Observer, silentObserver, toHex } from "@branchcache/runtime";
import type {
  BlockStore,
  HeldSegment,
  NewSegment,
  PublicationEntry,
  PublicationStore,
  PutResult,
  SecretStore,
  SegmentRecord,
  StoredBlock,
  Stores,
  StoreUsage,
} from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { Ledger, type Tables } from "./ledger.ts";
import { FullReporter, reportEvictions, reportTotals } from "./report.ts";
import {
  checkBlock,
  emptyTotals,
  heldSegment,
  type SegmentFacts,
  type SegmentState,
  segmentRecord,
  standing,
  storedBytes,
} from "./segment-state.ts";

export interface MemoryStoreOptions {
  /** Of initialization vectors and ciphertext together. */
  readonly limitBytes: number;
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

/** One map a table; the map of states keeps the order of creation, so it is the queue as well. */
class MemoryTables implements Tables<SealedBlock> {
  readonly totals = emptyTotals();
  readonly states = new Map<string, SegmentState>();
  readonly blocks = new Map<string, Map<number, SealedBlock>>();
  readonly #facts = new Map<string, SegmentFacts>();
  readonly #queue = new Map<number, SegmentId>();
  /** Sequences queued again after they were pinned stand too late in `#queue`; then it is sorted once. */
  #newestQueued = 0;
  #unsorted = false;

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
    if (sequence < this.#newestQueued) this.#unsorted = true;
    this.#newestQueued = Math.max(this.#newestQueued, sequence);
    this.#queue.set(sequence, new Uint8Array(id));
  }

  unqueue(sequence: number): void {
    this.#queue.delete(sequence);
  }

  oldest(): readonly SegmentId[] {
    if (this.#unsorted) {
      const sorted = [...this.#queue].sort(([a], [b]) => a - b);
      this.#queue.clear();
      for (const [sequence, id] of sorted) this.#queue.set(sequence, id);
      this.#unsorted = false;
    }
    const oldest: SegmentId[] = [];
    for (const id of this.#queue.values()) {
      oldest.push(id);
      if (oldest.length === 2) break;
    }
    return oldest;
  }
}

function copyBlock(block: SealedBlock): SealedBlock {
  return { cipher: block.cipher, iv: new Uint8Array(block.iv), data: new Uint8Array(block.data) };
}

class MemoryBlockStore implements BlockStore {
  readonly #tables = new MemoryTables();
  readonly #ledger: Ledger<SealedBlock>;
  readonly #limitBytes: number;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #onRemoved: (id: SegmentId) => void;
  readonly #full: FullReporter;
  #closed = false;

  constructor(options: MemoryStoreOptions, onRemoved: (id: SegmentId) => void) {
    this.#limitBytes = options.limitBytes;
    this.#clock = options.clock;
    this.#observer = options.observer ?? silentObserver;
    this.#ledger = new Ledger(this.#tables, options.limitBytes);
    this.#onRemoved = onRemoved;
    this.#full = new FullReporter(this.#observer, this.#limitBytes);
    reportTotals(this.#observer, this.#tables.totals, this.#limitBytes);
  }

  async holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]> {
    this.#assertOpen();
    return ids.map((id) => {
      const state = this.#tables.state(id);
      return state && heldSegment(state);
    });
  }

  async segment(id: SegmentId): Promise<SegmentRecord | undefined> {
    this.#assertOpen();
    const known = this.#ledger.known(id);
    return known && segmentRecord(id, known.state, known.facts);
  }

  async *ids(): AsyncIterable<SegmentId> {
    this.#assertOpen();
    for (const key of [...this.#tables.states.keys()]) {
      const id = fromHex(key);
      if (id) yield id;
    }
  }

  async heldBlocks(id: SegmentId, trust?: "verified"): Promise<readonly number[] | undefined> {
    this.#assertOpen();
    const state = this.#tables.state(id);
    return state && (trust ? state.verified : state.held).indexes();
  }

  async putBlock(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    this.#assertOpen();
    checkBlock(segment, index, block);
    const bytes = storedBytes(block);
    const result = this.#ledger.put(segment, index, bytes, block, this.#clock.wallMs());
    if (result === "full") this.#full.full("limit", this.#tables.totals.bytes);
    if (result === "stored") this.#full.stored();
    this.#changed();
    return result;
  }

  async getBlock(id: SegmentId, index: number): Promise<StoredBlock | undefined> {
    return this.withBlock(id, index, (block) => ({ ...block, ...copyBlock(block) }));
  }

  async withBlock<T>(id: SegmentId, index: number, use: (block: StoredBlock) => T): Promise<T | undefined> {
    this.#assertOpen();
    const state = this.#tables.state(id);
    const block = this.#tables.block(id, index);
    if (!state || !block) return undefined;
    return use({ ...block, ...standing(state, index) });
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    const removed = this.#ledger.remove(id);
    this.#changed();
    return removed;
  }

  async pin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    return this.#ledger.pin(id, 1);
  }

  async unpin(id: SegmentId): Promise<boolean> {
    this.#assertOpen();
    return this.#ledger.pin(id, -1);
  }

  async usage(): Promise<StoreUsage> {
    this.#assertOpen();
    const { bytes, complete, segments } = this.#tables.totals;
    return { bytes, limitBytes: this.#limitBytes, segments: { complete, partial: segments - complete } };
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

  #changed(): void {
    const evictions = this.#ledger.evictions.splice(0);
    for (const { id, whole } of evictions) if (whole) this.#onRemoved(id);
    reportEvictions(this.#observer, evictions);
    reportTotals(this.#observer, this.#tables.totals, this.#limitBytes);
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
