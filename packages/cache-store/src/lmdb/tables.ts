/** The tables of the block store, and a ledger's view of them inside one write transaction. */
import type { SegmentId } from "@branchcache/content-info";
import type { RemovalNote } from "../block-store.ts";
import { BLOCK_HEADER_BYTES, blockKey, decodeFacts, encodeFacts } from "../node/encodings.ts";
import type { Eviction, Tables } from "../store/ledger.ts";
import { latestNotes } from "../store/report.ts";
import { emptyTotals, type SegmentFacts, type SegmentState, type Totals } from "../store/segment-state.ts";
import type { Environment, Table } from "./environment.ts";
import {
  ageKey,
  decodeAgeKey,
  decodeNotes,
  decodeSettings,
  decodeState,
  decodeTotals,
  encodeNotes,
  encodeSettings,
  encodeState,
  encodeTotals,
  idOfTagKey,
  type StoredSettings,
  sequenceKey,
  tagKey,
  tagPrefix,
} from "./formats.ts";

export const BLOCK_TABLES = ["totals", "states", "facts", "blocks", "queue", "ages", "tags"] as const;

/** Looked up at each use: the environment may have moved meanwhile. */
export class BlockTables {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Totals, settings, and the latest removals. */
  get totals(): Table {
    return this.#environment.table("totals");
  }
  get states(): Table {
    return this.#environment.table("states");
  }
  get facts(): Table {
    return this.#environment.table("facts");
  }
  get blocks(): Table {
    return this.#environment.table("blocks");
  }
  /** By order of use. */
  get queue(): Table {
    return this.#environment.table("queue");
  }
  /** By time of creation. */
  get ages(): Table {
    return this.#environment.table("ages");
  }
  get tags(): Table {
    return this.#environment.table("tags");
  }
}

const TOTALS_KEY = Uint8Array.of(0);
const SETTINGS_KEY = Uint8Array.of(1);
const NOTES_KEY = Uint8Array.of(2);
/** The value where the key says all. */
const PRESENT = Uint8Array.of(1);

export function readTotals(tables: BlockTables): Totals {
  const value = tables.totals.getBinary(TOTALS_KEY);
  return value ? decodeTotals(value) : emptyTotals();
}

export function readSettings(tables: BlockTables): StoredSettings {
  const value = tables.totals.getBinary(SETTINGS_KEY);
  return value ? decodeSettings(value) : {};
}

export function writeSettings(tables: BlockTables, settings: StoredSettings): void {
  tables.totals.put(SETTINGS_KEY, encodeSettings(settings));
}

export function readNotes(tables: BlockTables): readonly RemovalNote[] {
  const value = tables.totals.getBinary(NOTES_KEY);
  return value ? decodeNotes(value) : [];
}

/** A copy; the first segment that was created then or before. */
export function readCreatedUntil(tables: BlockTables, wallMs: number): SegmentId | undefined {
  for (const key of tables.ages.getKeys({ limit: 1 })) {
    const first = decodeAgeKey(key);
    return first.createdMs <= wallMs ? new Uint8Array(first.id) : undefined;
  }
  return undefined;
}

/** Copies. */
export function readTagged(tables: BlockTables, tag: string): readonly SegmentId[] {
  const prefix = tagPrefix(tag);
  const ids: SegmentId[] = [];
  for (const key of tables.tags.getKeys({ start: prefix })) {
    const id = idOfTagKey(prefix, key);
    if (!id) break;
    ids.push(id);
  }
  return ids;
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

  queueAge(createdMs: number, id: SegmentId): void {
    this.#tables.ages.put(ageKey(createdMs, id), PRESENT);
  }

  unqueueAge(createdMs: number, id: SegmentId): void {
    this.#tables.ages.remove(ageKey(createdMs, id));
  }

  createdUntil(wallMs: number): SegmentId | undefined {
    return readCreatedUntil(this.#tables, wallMs);
  }

  tag(tag: string, id: SegmentId): void {
    this.#tables.tags.put(tagKey(tag, id), PRESENT);
  }

  untag(tag: string, id: SegmentId): void {
    this.#tables.tags.remove(tagKey(tag, id));
  }

  /** Makes `writeBack` write even if nothing has changed. */
  touch(): void {
    this.#touched = true;
  }

  writeBack(evictions: readonly Eviction[]): void {
    if (evictions.length > 0) {
      const notes = latestNotes(readNotes(this.#tables), evictions);
      this.#tables.totals.put(NOTES_KEY, encodeNotes(notes));
    }
    if (!this.#touched) return;
    for (const { id, state } of this.#changed.values()) this.#tables.states.put(id, encodeState(state));
    this.#tables.totals.put(TOTALS_KEY, encodeTotals(this.totals));
  }
}
