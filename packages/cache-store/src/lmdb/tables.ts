/** The tables of the block store, and a ledger's view of them inside one write transaction. */
import type { SegmentId } from "@branchcache/content-info";
import type { RemovalNote } from "../block-store.ts";
import { BLOCK_HEADER_BYTES, decodeFacts, encodeFacts } from "../node/encodings.ts";
import type { Eviction, Tables } from "../store/ledger.ts";
import { latestNotes } from "../store/report.ts";
import { emptyTotals, type SegmentFacts, type SegmentState, type Totals } from "../store/segment-state.ts";
import { FILE_TABLE, FileChanges, FileTable, type GoneFile } from "./blocks/file-table.ts";
import { isSamePlace, type Place, PlaceList } from "./blocks/place.ts";
import { recordBytes } from "./blocks/record.ts";
import { type Environment, reading, type Table } from "./environment.ts";
import {
  ageKey,
  type BlockEntry,
  decodeAgeKey,
  decodeBlockEntry,
  decodeNotes,
  decodePlaces,
  decodeSettings,
  decodeState,
  decodeTotals,
  encodeNotes,
  encodeSettings,
  encodeState,
  encodeTotals,
  idOfTagKey,
  inlineFacts,
  MOST_INLINE_BYTES,
  type StoredSettings,
  sequenceKey,
  tagKey,
  tagPrefix,
} from "./formats.ts";

export const BLOCK_TABLES = ["totals", "states", "facts", FILE_TABLE, "queue", "ages", "tags"] as const;

/** Looked up at each use: the environment may have moved meanwhile. */
export class BlockTables {
  readonly #environment: Environment;
  readonly files: FileTable;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.files = new FileTable(environment);
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
/** Of the index in a block's key. */
const INDEX_BYTES = 4;
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

/** The oldest segment without pins. */
export function readOldest(
  tables: BlockTables,
): { readonly createdMs: number; readonly id: SegmentId } | undefined {
  for (const key of tables.ages.getKeys({ limit: 1 })) {
    const { createdMs, id } = decodeAgeKey(key);
    return { createdMs, id: new Uint8Array(id) };
  }
  return undefined;
}

/** The first segment that was created then or before. */
export function readCreatedUntil(tables: BlockTables, wallMs: number): SegmentId | undefined {
  const oldest = readOldest(tables);
  return oldest && oldest.createdMs <= wallMs ? oldest.id : undefined;
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

export function readBlockEntry(tables: BlockTables, id: SegmentId, index: number): BlockEntry | undefined {
  const value = tables.states.getBinaryFast(id);
  return value && decodeBlockEntry(value, index);
}

export function readPlaces(tables: BlockTables, id: SegmentId): PlaceList {
  const value = tables.states.getBinaryFast(id);
  return value ? decodePlaces(value) : new PlaceList();
}

/** Read at once, so that no cursor stays open while others work. */
const PAGE_KEYS = 256;

/** Identifiers of all segments, a copy each. What comes and goes meanwhile may be missed. */
export async function* eachSegment(environment: Environment, tables: BlockTables): AsyncGenerator<SegmentId> {
  let start: Uint8Array | undefined;
  for (;;) {
    await environment.ready();
    const range = start ? { start, exclusiveStart: true, limit: PAGE_KEYS } : { limit: PAGE_KEYS };
    const keys = reading(environment, () => [...tables.states.getKeys(range)]).map(
      (key) => new Uint8Array(key),
    );
    yield* keys;
    start = keys.at(-1);
    if (!start) return;
  }
}

/** State and facts. */
export function readSegment(
  tables: BlockTables,
  id: SegmentId,
): { readonly state: SegmentState; readonly facts: SegmentFacts } | undefined {
  const value = tables.states.getBinaryFast(id);
  const state = value && decodeState(value);
  const inline = value && inlineFacts(value);
  const facts = inline ? decodeFacts(inline) : state && readFacts(tables, id);
  return state && facts && { state, facts };
}

/** Of a segment that has none in its state. */
function readFacts(tables: BlockTables, id: SegmentId): SegmentFacts | undefined {
  const value = tables.facts.getBinaryFast(id);
  return value && decodeFacts(value.subarray(0, value.length));
}

/** An identifier as the key of a map; cheaper than hexadecimal. */
export function mapKey(id: SegmentId): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString("latin1");
}

interface KnownState {
  readonly id: SegmentId;
  /** Undefined for what is not there, or no more. */
  state: SegmentState | undefined;
  readonly places: PlaceList;
  /** Once they were asked for. */
  facts: SegmentFacts | undefined;
  /** Encoded, where they are small. */
  inline: Uint8Array | undefined;
  isChanged: boolean;
}

/** For use inside one write transaction. States and totals are written once, at its end, by `writeBack`. */
export class TransactionTables implements Tables<Place> {
  readonly totals: Totals;
  readonly files: FileChanges;
  readonly #tables: BlockTables;
  readonly #states = new Map<string, KnownState>();
  #touched = false;

  constructor(tables: BlockTables) {
    this.#tables = tables;
    this.totals = readTotals(tables);
    this.files = new FileChanges(tables.files);
  }

  state(id: SegmentId): SegmentState | undefined {
    return this.#known(id).state;
  }

  setState(id: SegmentId, state: SegmentState): void {
    this.#touched = true;
    const known = this.#known(id);
    known.state = state;
    known.isChanged = true;
  }

  facts(id: SegmentId): SegmentFacts | undefined {
    const known = this.#known(id);
    if (!known.facts && known.inline) known.facts = decodeFacts(known.inline);
    else if (!known.facts && known.state) known.facts = readFacts(this.#tables, id);
    return known.facts;
  }

  setFacts(id: SegmentId, facts: SegmentFacts): void {
    const known = this.#known(id);
    known.facts = facts;
    const encoded = encodeFacts(facts);
    const isInline = encoded.length <= MOST_INLINE_BYTES;
    if (!isInline) this.#tables.facts.put(id, encoded);
    else if (known.state && !known.inline) this.#tables.facts.remove(id);
    // A copy: the encoder lends its buffer.
    known.inline = isInline ? new Uint8Array(encoded) : undefined;
    known.isChanged = true;
  }

  blockBytes(id: SegmentId, index: number): number {
    const place = this.place(id, index);
    return place ? place.lengthBytes - BLOCK_HEADER_BYTES : 0;
  }

  place(id: SegmentId, index: number): Place | undefined {
    return this.#known(id).places.get(index);
  }

  setBlock(id: SegmentId, index: number, place: Place): void {
    this.deleteBlock(id, index);
    this.files.addLive(place.file, liveBytes(id, place));
    this.#known(id).places.set(index, place);
  }

  deleteBlock(id: SegmentId, index: number): void {
    const { places } = this.#known(id);
    const place = places.get(index);
    if (!place) return;
    this.files.addLive(place.file, -liveBytes(id, place));
    places.delete(index);
  }

  /** Whether the block lay at `from` still; then it lies at `to` now. */
  moveBlock(id: SegmentId, index: number, from: Place, to: Place): boolean {
    const known = this.#known(id);
    if (!known.state || !isSamePlace(known.places.get(index), from)) return false;
    this.setBlock(id, index, to);
    this.setState(id, known.state);
    return true;
  }

  deleteSegment(id: SegmentId): void {
    const known = this.#known(id);
    this.#touched = true;
    known.state = undefined;
    known.isChanged = false;
    known.facts = undefined;
    this.#tables.states.remove(id);
    if (!known.inline) this.#tables.facts.remove(id);
    known.inline = undefined;
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

  /** Gives the files of which nothing is left. */
  writeBack(evictions: readonly Eviction[]): readonly GoneFile[] {
    if (evictions.length > 0) {
      const notes = latestNotes(readNotes(this.#tables), evictions);
      this.#tables.totals.put(NOTES_KEY, encodeNotes(notes));
    }
    for (const { id, state, places, inline, isChanged } of this.#states.values()) {
      if (state && isChanged) this.#tables.states.put(id, encodeState(state, places, inline));
    }
    if (this.#touched) this.#tables.totals.put(TOTALS_KEY, encodeTotals(this.totals));
    return this.files.writeBack();
  }

  /** Most often the same array is asked for many times over. */
  #last: KnownState | undefined;

  #known(id: SegmentId): KnownState {
    if (this.#last?.id === id) return this.#last;
    const key = mapKey(id);
    let known = this.#states.get(key);
    if (!known) {
      const value = this.#tables.states.getBinaryFast(id);
      const state = value && decodeState(value);
      const places = value ? decodePlaces(value) : new PlaceList();
      const inline = value && inlineFacts(value);
      known = { id, state, places, facts: undefined, inline, isChanged: false };
      this.#states.set(key, known);
    }
    this.#last = known;
    return known;
  }
}

function liveBytes(id: SegmentId, { lengthBytes }: Place): number {
  return recordBytes(id.length + INDEX_BYTES, lengthBytes);
}
