/** The tables of the store in memory, for a ledger to work on. */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { fromHex, toHex } from "@branchcache/runtime";
import type { Tables } from "../store/ledger.ts";
import { emptyTotals, type SegmentFacts, type SegmentState, storedBytes } from "../store/segment-state.ts";
import { SortedQueue } from "./sorted-queue.ts";

/** One map a table; keys are identifiers in hexadecimal. */
export class MemoryTables implements Tables<SealedBlock> {
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

/** The identifier that a key stands for. */
export function idOf(key: string): SegmentId {
  const id = fromHex(key);
  if (!id) throw new TypeError("not a key of these tables");
  return id;
}

export function copyBlock(block: SealedBlock): SealedBlock {
  return { cipher: block.cipher, iv: new Uint8Array(block.iv), data: new Uint8Array(block.data) };
}
