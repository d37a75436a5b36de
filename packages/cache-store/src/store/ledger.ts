/**
 * Keeps segments, blocks and totals in step, over anything that can hold them: plain maps, or the tables
 * of one write transaction. Synchronous, so that nobody sees half a change.
 */
import type { SegmentId } from "@branchcache/content-info";
import { equalBytes } from "@branchcache/runtime";
import type { Limits, NewSegment, PutResult, RemovalReason, StoreChange } from "../block-store.ts";
import type { Access } from "./access-log.ts";
import {
  copyFacts,
  isComplete,
  isExpired,
  judgePut,
  type KnownEqual,
  mayGrow,
  mergeFacts,
  newState,
  type SegmentFacts,
  type SegmentState,
  type Totals,
} from "./segment-state.ts";

/** Where a ledger keeps things. A state handed out may be changed, and is then handed back. */
export interface Tables<Block> {
  readonly totals: Totals;
  state(id: SegmentId): SegmentState | undefined;
  setState(id: SegmentId, state: SegmentState): void;
  facts(id: SegmentId): SegmentFacts | undefined;
  setFacts(id: SegmentId, facts: SegmentFacts): void;
  /** Initialization vector and ciphertext of a block held. */
  blockBytes(id: SegmentId, index: number): number;
  setBlock(id: SegmentId, index: number, block: Block): void;
  deleteBlock(id: SegmentId, index: number): void;
  /** State and facts; blocks are gone already. */
  deleteSegment(id: SegmentId): void;
  /** The queue of what may be evicted, by order of use. */
  queue(sequence: number, id: SegmentId): void;
  unqueue(sequence: number): void;
  /** The first two in the queue. */
  oldest(): readonly SegmentId[];
  /** The same segments by time of creation. */
  queueAge(createdMs: number, id: SegmentId): void;
  unqueueAge(createdMs: number, id: SegmentId): void;
  /** The first created at that time or before. */
  createdUntil(wallMs: number): SegmentId | undefined;
  tag(tag: string, id: SegmentId): void;
  untag(tag: string, id: SegmentId): void;
}

export interface Eviction {
  readonly id: SegmentId;
  readonly reason: RemovalReason;
  readonly bytes: number;
  /** All of the segment went, not just a block. */
  readonly whole: boolean;
  readonly atMs: number;
}

export class Ledger<Block> {
  readonly #tables: Tables<Block>;
  readonly #limits: Limits;
  readonly #nowMs: number;
  /** What went, in order; the owner tells whom it concerns once that is certain. */
  readonly evictions: Eviction[] = [];
  readonly changes: StoreChange[] = [];
  /** Whoever puts through one ledger does not change his arrays meanwhile. */
  readonly #equal: KnownEqual = new WeakMap();

  constructor(tables: Tables<Block>, limits: Limits, nowMs: number) {
    this.#tables = tables;
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Throws `BC_STORE_MISMATCH`; the block itself was checked by `checkBlock`. `putMs` is when it was asked for. */
  put(
    segment: NewSegment,
    index: number,
    bytes: number,
    block: Block,
    putMs: number = this.#nowMs,
  ): PutResult {
    const tables = this.#tables;
    const { id } = segment;
    const known = this.known(id);
    const replacedBytes = known?.state.held.has(index) ? tables.blockBytes(id, index) : 0;
    const growthBytes = bytes - replacedBytes;
    const result = judgePut(known, segment, index, this.#equal);
    if (result === "stored" && !mayGrow(known?.state, growthBytes, tables.totals, this.#limits.limitBytes))
      return "full";

    const merged = known && mergeFacts(known.state, known.facts, segment);
    if (merged) {
      for (const tag of merged.tags) if (!known.facts.tags.includes(tag)) tables.tag(tag, id);
      tables.setFacts(id, merged);
    }
    if (result === "already-held") return result;

    this.makeRoom(growthBytes, id);
    const state = known?.state ?? this.#create(segment, putMs);
    this.changes.push({ kind: known ? "changed" : "added", id });
    this.#use(id, state, putMs);
    this.#change(id, state, () => {
      tables.setBlock(id, index, block);
      state.bytes += growthBytes;
      state.held.add(index);
      if (segment.trust === "verified") {
        state.trust = "verified";
        state.verified.add(index);
      }
    });
    return result;
  }

  remove(id: SegmentId, reason: RemovalReason = "removed"): boolean {
    const tables = this.#tables;
    const state = tables.state(id);
    if (!state) return false;
    this.#count(state, -1);
    if (state.pins === 0) this.#unqueue(id, state);
    for (const tag of tables.facts(id)?.tags ?? []) tables.untag(tag, id);
    for (const index of state.held.indexes()) tables.deleteBlock(id, index);
    tables.deleteSegment(id);
    this.#gone({ id, reason, bytes: state.bytes, whole: true, atMs: this.#nowMs });
    this.changes.push({ kind: "removed", id, reason });
    return true;
  }

  /** Takes a tag away, and the segment with its last one. Whether it went. */
  removeTag(id: SegmentId, tag: string): boolean {
    const facts = this.#tables.facts(id);
    const tags = facts?.tags.filter((one) => one !== tag) ?? [];
    if (!facts || tags.length === 0) return this.remove(id, "flush");
    this.#tables.untag(tag, id);
    this.#tables.setFacts(id, { ...facts, tags });
    this.changes.push({ kind: "changed", id });
    return false;
  }

  /** Drops one block that turned out damaged. False if it is not held. */
  dropBlock(id: SegmentId, index: number): boolean {
    const state = this.#tables.state(id);
    if (!state?.held.has(index)) return false;
    if (state.held.size === 1) return this.remove(id, "corrupt");
    const bytes = this.#tables.blockBytes(id, index);
    this.#change(id, state, () => {
      this.#tables.deleteBlock(id, index);
      state.bytes -= bytes;
      state.held.delete(index);
      state.verified.delete(index);
    });
    this.#gone({ id, reason: "corrupt", bytes, whole: false, atMs: this.#nowMs });
    this.changes.push({ kind: "changed", id });
    return true;
  }

  pin(id: SegmentId, delta: 1 | -1): boolean {
    const state = this.known(id)?.state;
    if (!state) return false;
    const pins = Math.max(0, state.pins + delta);
    if (state.pins === 0 && pins > 0) this.#unqueue(id, state);
    if (state.pins > 0 && pins === 0) this.#queue(id, state);
    this.#change(id, state, () => {
      state.pins = pins;
    });
    this.changes.push({ kind: "changed", id });
    return true;
  }

  /** Counts reads; the segment moves to the end of the queue. */
  recordAccess({ id, hits, usedMs }: Access): void {
    const tables = this.#tables;
    tables.totals.hits += hits;
    const state = tables.state(id);
    if (!state) return;
    state.hits += hits;
    this.#use(id, state, usedMs);
    tables.setState(id, state);
  }

  /** Evicts the least recently used until so much more fits below the limit, or nothing is left to evict. */
  makeRoom(growthBytes: number, except?: SegmentId): void {
    const tables = this.#tables;
    while (tables.totals.bytes + growthBytes > this.#limits.limitBytes) {
      const victim = tables.oldest().find((id) => !except || !equalBytes(id, except));
      if (!victim) return;
      this.remove(victim, "size");
    }
  }

  /** Removes at most so many that are too old. Gives the number removed. */
  expire(atMost: number): number {
    const { maxAgeMs } = this.#limits;
    if (maxAgeMs === undefined) return 0;
    for (let removed = 0; removed < atMost; removed++) {
      const id = this.#tables.createdUntil(this.#nowMs - maxAgeMs);
      if (!id) return removed;
      this.remove(id, "age");
    }
    return atMost;
  }

  /** Undefined for what is not there; what is too old goes at once. */
  known(id: SegmentId): { readonly state: SegmentState; readonly facts: SegmentFacts } | undefined {
    const state = this.#tables.state(id);
    if (state && isExpired(state, this.#nowMs, this.#limits)) {
      this.remove(id, "age");
      return undefined;
    }
    const facts = state && this.#tables.facts(id);
    return state && facts && { state, facts };
  }

  #create(segment: NewSegment, createdMs: number): SegmentState {
    const tables = this.#tables;
    const state = newState(segment, tables.totals.nextSequence++, createdMs);
    const facts = copyFacts(segment);
    tables.setFacts(segment.id, facts);
    for (const tag of facts.tags) tables.tag(tag, segment.id);
    this.#queue(segment.id, state);
    return state;
  }

  #use(id: SegmentId, state: SegmentState, usedMs: number): void {
    const { totals } = this.#tables;
    state.usedMs = Math.max(state.usedMs, usedMs);
    if (state.sequence === totals.nextSequence - 1) return;
    if (state.pins === 0) this.#tables.unqueue(state.sequence);
    state.sequence = totals.nextSequence++;
    if (state.pins === 0) this.#tables.queue(state.sequence, id);
  }

  #queue(id: SegmentId, state: SegmentState): void {
    this.#tables.queue(state.sequence, id);
    this.#tables.queueAge(state.createdMs, id);
  }

  #unqueue(id: SegmentId, state: SegmentState): void {
    this.#tables.unqueue(state.sequence);
    this.#tables.unqueueAge(state.createdMs, id);
  }

  #gone(eviction: Eviction): void {
    const { reason, bytes, whole } = eviction;
    const gone = this.#tables.totals.gone[reason];
    gone.bytes += bytes;
    if (whole) gone.segments++;
    this.evictions.push(eviction);
  }

  #change(id: SegmentId, state: SegmentState, change: () => void): void {
    if (state.held.size > 0) this.#count(state, -1);
    change();
    this.#count(state, 1);
    this.#tables.setState(id, state);
  }

  #count(state: SegmentState, sign: 1 | -1): void {
    const { totals } = this.#tables;
    totals.bytes += sign * state.bytes;
    totals.segments += sign;
    if (state.pins > 0) totals.pinnedBytes += sign * state.bytes;
    if (isComplete(state)) totals.complete += sign;
  }
}
