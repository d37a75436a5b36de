/** The tables of the block store, and a ledger's view of them inside one write transaction. */
import type { SegmentId } from "@branchcache/content-info";
import type { Tables } from "../store/ledger.ts";
import { emptyTotals, type SegmentFacts, type SegmentState, type Totals } from "../store/segment-state.ts";
import type { Environment, Table } from "./environment.ts";
import {
  BLOCK_HEADER_BYTES,
  blockKey,
  decodeFacts,
  decodeState,
  decodeTotals,
  encodeFacts,
  encodeState,
  encodeTotals,
  sequenceKey,
} from "./formats.ts";

export interface BlockTables {
  readonly totals: Table;
  readonly states: Table;
  readonly facts: Table;
  readonly blocks: Table;
  readonly queue: Table;
}

export function openBlockTables(environment: Environment): BlockTables {
  return {
    totals: environment.table("totals"),
    states: environment.table("states"),
    facts: environment.table("facts"),
    blocks: environment.table("blocks"),
    queue: environment.table("queue"),
  };
}

const TOTALS_KEY = Uint8Array.of(0);

export function readTotals(tables: BlockTables): Totals {
  const value = tables.totals.getBinary(TOTALS_KEY);
  return value ? decodeTotals(value) : emptyTotals();
}

export function readState(tables: BlockTables, id: SegmentId): SegmentState | undefined {
  const value = tables.states.getBinaryFast(id);
  return value && decodeState(value);
}

export function readFacts(tables: BlockTables, id: SegmentId): SegmentFacts | undefined {
  const value = tables.facts.getBinaryFast(id);
  return value && decodeFacts(value.subarray(0, value.length));
}

/** An identifier as the key of a map; cheaper than hexadecimal. */
export function mapKey(id: SegmentId): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString("latin1");
}

/** For use inside one write transaction. States and totals are written once, at its end, by `writeBack`. */
export class TransactionTables implements Tables<Uint8Array> {
  readonly totals: Totals;
  readonly #tables: BlockTables;
  readonly #states = new Map<string, { readonly id: SegmentId; readonly state: SegmentState | undefined }>();
  readonly #changed = new Map<string, { readonly id: SegmentId; readonly state: SegmentState }>();
  readonly #facts = new Map<string, SegmentFacts>();
  #touched = false;

  constructor(tables: BlockTables) {
    this.#tables = tables;
    this.totals = readTotals(tables);
  }

  state(id: SegmentId): SegmentState | undefined {
    const key = mapKey(id);
    const cached = this.#states.get(key);
    if (cached) return cached.state;
    const state = readState(this.#tables, id);
    this.#states.set(key, { id, state });
    return state;
  }

  setState(id: SegmentId, state: SegmentState): void {
    const key = mapKey(id);
    this.#touched = true;
    this.#states.set(key, { id, state });
    this.#changed.set(key, { id, state });
  }

  facts(id: SegmentId): SegmentFacts | undefined {
    const key = mapKey(id);
    const facts = this.#facts.get(key) ?? readFacts(this.#tables, id);
    if (facts) this.#facts.set(key, facts);
    return facts;
  }

  setFacts(id: SegmentId, facts: SegmentFacts): void {
    this.#facts.set(mapKey(id), facts);
    this.#tables.facts.put(id, encodeFacts(facts));
  }

  blockBytes(id: SegmentId, index: number): number {
    const value = this.#tables.blocks.getBinaryFast(blockKey(id, index));
    return value ? value.length - BLOCK_HEADER_BYTES : 0;
  }

  setBlock(id: SegmentId, index: number, value: Uint8Array): void {
    this.#tables.blocks.put(blockKey(id, index), value);
  }

  deleteBlock(id: SegmentId, index: number): void {
    this.#tables.blocks.remove(blockKey(id, index));
  }

  deleteSegment(id: SegmentId): void {
    const key = mapKey(id);
    this.#touched = true;
    this.#states.set(key, { id, state: undefined });
    this.#changed.delete(key);
    this.#facts.delete(key);
    this.#tables.states.remove(id);
    this.#tables.facts.remove(id);
  }

  queue(sequence: number, id: SegmentId): void {
    this.#tables.queue.put(sequenceKey(sequence), id);
  }

  unqueue(sequence: number): void {
    this.#tables.queue.remove(sequenceKey(sequence));
  }

  oldest(): readonly SegmentId[] {
    return [...this.#tables.queue.getRange({ limit: 2 })].map(({ value }) => new Uint8Array(value));
  }

  /** Makes `writeBack` write even if nothing has changed. */
  touch(): void {
    this.#touched = true;
  }

  writeBack(): void {
    if (!this.#touched) return;
    for (const { id, state } of this.#changed.values()) this.#tables.states.put(id, encodeState(state));
    this.#tables.totals.put(TOTALS_KEY, encodeTotals(this.totals));
  }
}
