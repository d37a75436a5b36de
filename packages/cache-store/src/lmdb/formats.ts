/** How things lie in the LMDB environment. Little-endian, except in keys that must sort. */
import { createHash } from "node:crypto";
import type { SegmentId } from "@branchcache/content-info";
import type { RemovalNote, StoredBlock } from "../block-store.ts";
import { packr } from "../node/encodings.ts";
import { BlockSet } from "../store/block-set.ts";
import type { SegmentState, Totals } from "../store/segment-state.ts";
import { decodePlace, PLACE_BYTES, type Place, PlaceList } from "./blocks/place.ts";

/** Raised whenever anything below, or in the encodings, changes. */
export const FORMAT_VERSION = 3;

/** Eight bytes, big-endian, so that the oldest comes first. */
export function sequenceKey(sequence: number): Uint8Array {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigUint64(0, BigInt(sequence), false);
  return key;
}

/** Time in eight bytes, big-endian, then the identifier. */
export function ageKey(createdMs: number, id: SegmentId): Uint8Array {
  const key = new Uint8Array(8 + id.length);
  key.set(sequenceKey(Math.max(0, Math.floor(createdMs))));
  key.set(id, 8);
  return key;
}

/** Views of `key`. */
export function decodeAgeKey(key: Uint8Array): { readonly createdMs: number; readonly id: SegmentId } {
  const view = new DataView(key.buffer, key.byteOffset, 8);
  return { createdMs: Number(view.getBigUint64(0, false)), id: key.subarray(8) };
}

const TAG_BYTES = 16;

/** Tags are of any length: 16 bytes of a hash stand for one. */
export function tagPrefix(tag: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(tag).digest().subarray(0, TAG_BYTES));
}

export function tagKey(tag: string, id: SegmentId): Uint8Array {
  const key = new Uint8Array(TAG_BYTES + id.length);
  key.set(tagPrefix(tag));
  key.set(id, TAG_BYTES);
  return key;
}

/** A copy; undefined for the key of another tag. */
export function idOfTagKey(prefix: Uint8Array, key: Uint8Array): SegmentId | undefined {
  return prefix.every((byte, i) => key[i] === byte) ? new Uint8Array(key.subarray(TAG_BYTES)) : undefined;
}

const STATE_HEADER_BYTES = 64;

/** Facts larger than this lie in a table of their own: a state is written anew with every block. */
export const MOST_INLINE_BYTES = 512;

/** Fixed fields, the bitmap of held blocks, that of verified ones, where each block lies, then facts if they are small. */
export function encodeState(state: SegmentState, places: PlaceList, facts?: Uint8Array): Uint8Array {
  const { held, verified } = state;
  const placesAt = STATE_HEADER_BYTES + held.bits.length + verified.bits.length;
  const factsAt = placesAt + held.totalBlocks * PLACE_BYTES;
  const value = new Uint8Array(factsAt + (facts?.length ?? 0));
  const view = new DataView(value.buffer);
  view.setFloat64(0, state.sequence, true);
  view.setFloat64(8, state.createdMs, true);
  view.setFloat64(16, state.lengthBytes, true);
  view.setFloat64(24, state.bytes, true);
  view.setUint32(32, state.blockSizeBytes, true);
  view.setUint32(36, state.pins, true);
  view.setUint32(40, held.totalBlocks, true);
  value[44] = state.trust === "verified" ? 1 : 0;
  value[45] = facts ? 1 : 0;
  view.setFloat64(48, state.usedMs, true);
  view.setFloat64(56, state.hits, true);
  value.set(held.bits, STATE_HEADER_BYTES);
  value.set(verified.bits, STATE_HEADER_BYTES + held.bits.length);
  places.writeTo(value, placesAt, held.totalBlocks);
  if (facts) value.set(facts, factsAt);
  return value;
}

/** A copy. Undefined if it is none. */
export function decodeState(value: Uint8Array): SegmentState | undefined {
  const layout = layoutOf(value);
  if (!layout) return undefined;
  const { view, totalBlocks, bitmapBytes } = layout;
  const bits = (start: number) =>
    new Uint8Array(value.subarray(STATE_HEADER_BYTES + start, STATE_HEADER_BYTES + start + bitmapBytes));
  return {
    sequence: view.getFloat64(0, true),
    createdMs: view.getFloat64(8, true),
    usedMs: view.getFloat64(48, true),
    hits: view.getFloat64(56, true),
    lengthBytes: view.getFloat64(16, true),
    bytes: view.getFloat64(24, true),
    blockSizeBytes: view.getUint32(32, true),
    pins: view.getUint32(36, true),
    trust: value[44] === 1 ? "verified" : "blind",
    held: new BlockSet(totalBlocks, bits(0)),
    verified: new BlockSet(totalBlocks, bits(bitmapBytes)),
  };
}

/** All places of a state, a copy. */
export function decodePlaces(value: Uint8Array): PlaceList {
  const layout = layoutOf(value);
  return layout
    ? new PlaceList(new Uint8Array(value.subarray(layout.placesAt, layout.factsAt)))
    : new PlaceList();
}

/** A copy of the facts that lie in a state; undefined if they lie elsewhere. */
export function inlineFacts(value: Uint8Array): Uint8Array | undefined {
  const layout = layoutOf(value);
  return layout?.hasFacts ? new Uint8Array(value.subarray(layout.factsAt, value.length)) : undefined;
}

/** What a read of one block has to know. */
export interface BlockEntry extends Pick<StoredBlock, "trust" | "nextBlockIndex"> {
  readonly createdMs: number;
  readonly pins: number;
  /** Undefined if the index names none, though it says that the block is held. */
  readonly place: Place | undefined;
}

/** The same as from `decodeState`, at a tenth of the cost. Undefined where the block is not held. */
export function decodeBlockEntry(value: Uint8Array, index: number): BlockEntry | undefined {
  const layout = layoutOf(value);
  if (!layout || index >= layout.totalBlocks) return undefined;
  const { view, totalBlocks, bitmapBytes, placesAt } = layout;
  const has = (bitmap: number, block: number) =>
    ((value[STATE_HEADER_BYTES + bitmap + (block >> 3)] ?? 0) & (1 << (block & 7))) !== 0;
  if (!has(0, index)) return undefined;
  const isVerified = has(bitmapBytes, index);
  const bitmap = isVerified ? bitmapBytes : 0;
  let next = index + 1;
  while (next < totalBlocks && !has(bitmap, next)) next++;
  return {
    createdMs: view.getFloat64(8, true),
    pins: view.getUint32(36, true),
    trust: isVerified ? "verified" : "blind",
    nextBlockIndex: next < totalBlocks ? next : 0,
    place: decodePlace(value, placesAt + index * PLACE_BYTES),
  };
}

/** LMDB lends a longer buffer with a `length` of its own. */
function layoutOf(value: Uint8Array) {
  if (value.length < STATE_HEADER_BYTES) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const totalBlocks = view.getUint32(40, true);
  const bitmapBytes = BlockSet.bytesFor(totalBlocks);
  const placesAt = STATE_HEADER_BYTES + 2 * bitmapBytes;
  const factsAt = placesAt + totalBlocks * PLACE_BYTES;
  const hasFacts = value[45] === 1;
  if (hasFacts ? value.length <= factsAt : value.length !== factsAt) return undefined;
  return { view, totalBlocks, bitmapBytes, placesAt, factsAt, hasFacts };
}

export function encodeTotals(totals: Totals): Uint8Array {
  return packr.pack(totals);
}

export function decodeTotals(value: Uint8Array): Totals {
  return packr.unpack(value);
}

/** What the owner has set; what is absent has its default. */
export interface StoredSettings {
  /** Of blocks. A store has one of the two, the one that was set last. */
  readonly limitBytes?: number;
  /** Of the volume, 0 to 100. */
  readonly limitPercent?: number;
  /** 0 for no limit. */
  readonly maxAgeMs?: number;
  readonly publicationLimitBytes?: number;
  readonly publicationLimitPercent?: number;
  /** Directories of further parts of the cache; each keeps its own limits. */
  readonly extensions?: readonly string[];
}

export function encodeSettings(settings: StoredSettings): Uint8Array {
  return packr.pack(settings);
}

export function decodeSettings(value: Uint8Array): StoredSettings {
  return packr.unpack(value);
}

export function encodeNotes(notes: readonly RemovalNote[]): Uint8Array {
  return packr.pack(notes);
}

/** A copy. */
export function decodeNotes(value: Uint8Array): readonly RemovalNote[] {
  const notes: RemovalNote[] = packr.unpack(value);
  return notes.map((note) => ({ ...note, id: new Uint8Array(note.id) }));
}

export interface PublicationTotals {
  bytes: number;
  entries: number;
  nextSequence: number;
}

export function encodePublicationTotals(totals: PublicationTotals): Uint8Array {
  return packr.pack(totals);
}

export function decodePublicationTotals(value: Uint8Array): PublicationTotals {
  return packr.unpack(value);
}

/** Place in the queue and bytes of an entry, a number of eight bytes each. */
export function encodePublicationPlace(place: {
  readonly sequence: number;
  readonly bytes: number;
}): Uint8Array {
  const value = new Uint8Array(16);
  const view = new DataView(value.buffer);
  view.setFloat64(0, place.sequence, true);
  view.setFloat64(8, place.bytes, true);
  return value;
}

export function decodePublicationPlace(value: Uint8Array): {
  readonly sequence: number;
  readonly bytes: number;
} {
  const view = new DataView(value.buffer, value.byteOffset, 16);
  return { sequence: view.getFloat64(0, true), bytes: view.getFloat64(8, true) };
}
