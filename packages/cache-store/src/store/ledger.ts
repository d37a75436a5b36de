/**
 * Keeps segments, blocks and totals in step, over anything that can hold them: plain maps, or the tables
 * of one write transaction. Synchronous, so that nobody sees half a change.
 */
import type { SegmentId } from "@branchcache/content-info";
import { equalBytes } from "@branchcache/runtime";
import type { NewSegment, PutResult } from "../block-store.ts";
import {
  copyFacts,
  isComplete,
  judgePut,
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
  /** The queue of what may be evicted, by order of creation. */
  queue(sequence: number, id: SegmentId): void;
  unqueue(sequence: number): void;
  /** The first two in the queue. */
  oldest(): readonly SegmentId[];
}

export interface Eviction {
  readonly id: SegmentId;
  readonly reason: "size" | "corrupt" | "removed";
  readonly bytes: number;
  /** All of the segment went, not just a block. */
  readonly whole: boolean;
}

export class Ledger<Block> {
  readonly #tables: Tables<Block>;
  readonly #limitBytes: number;
  /** What went, in order; the owner tells whom it concerns once that is certain. */
  readonly evictions: Eviction[] = [];

  constructor(tables: Tables<Block>, limitBytes: number) {
    this.#tables = tables;
    this.#limitBytes = limitBytes;
  }

  /** Throws `BC_STORE_MISMATCH`; the block itself was checked by `checkBlock`. */
  put(segment: NewSegment, index: number, bytes: number, block: Block, nowMs: number): PutResult {
    const tables = this.#tables;
    const { id } = segment;
    const known = this.known(id);
    const replacedBytes = known?.state.held.has(index) ? tables.blockBytes(id, index) : 0;
    const growthBytes = bytes - replacedBytes;
    const result = judgePut(known, segment, index, growthBytes, tables.totals, this.#limitBytes);
    if (result === "full") return result;

    const merged = known && mergeFacts(known.state, known.facts, segment);
    if (merged) tables.setFacts(id, merged);
    if (result === "already-held") return result;

    this.makeRoom(growthBytes, id);
    const state = known?.state ?? this.#create(segment, nowMs);
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

  remove(id: SegmentId, reason: Eviction["reason"] = "removed"): boolean {
    const tables = this.#tables;
    const state = tables.state(id);
    if (!state) return false;
    this.#count(state, -1);
    if (state.pins === 0) tables.unqueue(state.sequence);
    for (const index of state.held.indexes()) tables.deleteBlock(id, index);
    tables.deleteSegment(id);
    this.evictions.push({ id, reason, bytes: state.bytes, whole: true });
    return true;
  }

  /** Drops one block that turned out damaged. */
  dropBlock(id: SegmentId, index: number): void {
    const state = this.#tables.state(id);
    if (!state?.held.has(index)) return;
    if (state.held.size === 1) {
      this.remove(id, "corrupt");
      return;
    }
    const bytes = this.#tables.blockBytes(id, index);
    this.#change(id, state, () => {
      this.#tables.deleteBlock(id, index);
      state.bytes -= bytes;
      state.held.delete(index);
      state.verified.delete(index);
    });
    this.evictions.push({ id, reason: "corrupt", bytes, whole: false });
  }

  pin(id: SegmentId, delta: 1 | -1): boolean {
    const tables = this.#tables;
    const state = tables.state(id);
    if (!state) return false;
    const pins = Math.max(0, state.pins + delta);
    if (state.pins === 0 && pins > 0) tables.unqueue(state.sequence);
    if (state.pins > 0 && pins === 0) tables.queue(state.sequence, id);
    this.#change(id, state, () => {
      state.pins = pins;
    });
    return true;
  }

  /** Evicts the oldest until so much more fits below the limit, or nothing is left to evict. */
  makeRoom(growthBytes: number, except?: SegmentId): void {
    const tables = this.#tables;
    while (tables.totals.bytes + growthBytes > this.#limitBytes) {
      const victim = tables.oldest().find((id) => !except || !equalBytes(id, except));
      if (!victim) return;
      this.remove(victim, "size");
    }
  }

  known(id: SegmentId): { readonly state: SegmentState; readonly facts: SegmentFacts } | undefined {
    const state = this.#tables.state(id);
    const facts = state && this.#tables.facts(id);
    return state && facts && { state, facts };
  }

  #create(segment: NewSegment, nowMs: number): SegmentState {
    const tables = this.#tables;
    const state = newState(segment, tables.totals.nextSequence++, nowMs);
    tables.setFacts(segment.id, copyFacts(segment));
    tables.queue(state.sequence, segment.id);
    return state;
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
