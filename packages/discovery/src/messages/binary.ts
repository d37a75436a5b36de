/** The binary values that messages of format 2.0 carry in base64. [MS-PCCRD] 2.2.3.3, 2.2.3.9 */
import {
  bytes,
  constant,
  type Decoded,
  DecodeError,
  decode,
  encode,
  items,
  list,
  oneOf,
  refine,
  struct,
  u8,
  u16be,
  u24le,
} from "@branchcache/runtime";
import { fromBase64, toBase64 } from "../base64.ts";
import { MAX_IDS_IN_PROBE } from "../limits.ts";

/** [MS-PCCRD] 2.2.3.3: size, count, identifiers. Big-endian. */
export const probeScope = struct("ProbeScope", {
  idBytes: refine(u16be, (size) => (size === 0 ? "identifiers of no bytes" : undefined)), // SegmentHashSize
  count: refine(u8, (count) => (count === 0 ? "no identifiers" : undefined)), // SegmentHashCount
  ids: (before: { readonly idBytes: number; readonly count: number }) =>
    items(bytes(before.idBytes), before.count), // HoHoDk
});

/** ENCODED_SEGMENT_AGE. [MS-PCCRR] 2.2.1.5; the age is little-endian. */
const encodedSegmentAge = struct("EncodedSegmentAge", { segmentIndex: u8, age: u24le });

/** Extensible BLOB version 1. [MS-PCCRR] 2.2.6.1 */
export const segmentAges = struct("SegmentAges", {
  version: constant(u16be, 1), // ExtensibleBlobVersion
  unit: oneOf(u8, [1, 2, 3, 4]), // SegmentAgeUnits
  ages: list(u8, encodedSegmentAge, { max: 255 }),
});

const MS_OF_UNIT: Readonly<Record<1 | 2 | 3 | 4, number>> = { 1: 1_000, 2: 100, 3: 10, 4: 1 };
const OLDEST = 2 ** 24 - 1;

/** The one scope of a version 2.0 probe: 1 to 255 identifiers of one size. */
export function writeProbeScope(ids: readonly Uint8Array[]): string {
  return toBase64(encode(probeScope, { idBytes: ids[0]?.length ?? 0, count: ids.length, ids }));
}

/** SegmentHashSize and SegmentHashCount, before the identifiers. */
const SCOPE_HEAD_BYTES = 3;

/** The identifiers of a scope as they came, in one array: each is made into a view only when it is asked for. */
export class PackedIds {
  readonly length: number;
  readonly #binary: Uint8Array;
  readonly #idBytes: number;

  constructor(binary: Uint8Array, idBytes: number, count: number) {
    this.#binary = binary;
    this.#idBytes = idBytes;
    this.length = count;
  }

  /** As `Array.slice`. The identifiers are views, not copies. */
  slice(start = 0, end: number = this.length): Uint8Array[] {
    const ids: Uint8Array[] = [];
    for (let i = start; i < end; i++) {
      const at = SCOPE_HEAD_BYTES + i * this.#idBytes;
      // Four times as fast as `new Uint8Array(buffer, …)`.
      ids.push(this.#binary.subarray(at, at + this.#idBytes));
    }
    return ids;
  }
}

/**
 * Undefined if malformed. Every format 2.0 probe on the link comes through here, so it is written by hand for speed; a
 * test compares it with `probeScope`.
 */
export function readProbeScope(text: string): PackedIds | undefined {
  const binary = fromBase64(text);
  if (!binary || binary.length < SCOPE_HEAD_BYTES) return undefined;
  const idBytes = (binary[0]! << 8) | binary[1]!;
  const count = binary[2]!;
  if (idBytes === 0 || count === 0 || binary.length !== SCOPE_HEAD_BYTES + count * idBytes) return undefined;
  return new PackedIds(binary, idBytes, count);
}

export type Holding = "none" | "part" | "all";

const BITS: Readonly<Record<Holding, number>> = { none: 0b00, part: 0b10, all: 0b11 };

/** Buffers that are reused for every answer, of at most 255 segments. */
const packed = new Uint8Array(64);
const writtenAges = new Uint8Array(4 + 4 * MAX_IDS_IN_PROBE);

/** Two bits for each of `count` identifiers, the first in the two top bits. [MS-PCCRD] 2.2.3.3 */
export function writeHoldings(count: number, holdingOf: (index: number) => Holding): string {
  const length = Math.ceil(count / 4);
  packed.fill(0, 0, length);
  for (let i = 0; i < count; i++) {
    packed[i >> 2]! |= BITS[holdingOf(i)] << (6 - 2 * (i & 3));
  }
  return toBase64(packed, length);
}

/** The holdings of the `count` segments of the probe; missing bits mean none. Undefined for bad base64 and for `01`. */
export function readHoldings(text: string, count: number): readonly Holding[] | undefined {
  const packed = fromBase64(text);
  if (!packed) return undefined;
  const holdings: Holding[] = [];
  for (let i = 0; i < count; i++) {
    const bits = ((packed[i >> 2] ?? 0) >> (6 - 2 * (i & 3))) & 0b11;
    if (bits === 0b01) return undefined;
    holdings.push(bits === 0b11 ? "all" : bits === 0b10 ? "part" : "none");
  }
  return holdings;
}

export interface SegmentAge {
  /** Index among the identifiers of the probe. */
  readonly segmentIndex: number;
  readonly ageMs: number;
}

/** SegmentAgeUnits for hundredths of a second. */
const WRITTEN_UNIT = 3;

/**
 * SegmentAges for those of `count` segments whose age is not undefined, in hundredths of a second; an age above 46.6
 * hours, the largest that fits, is written as that. Every format 2.0 answer has one, so it is written by hand for speed;
 * a test compares it with `segmentAges`.
 */
export function writeSegmentAges(count: number, ageMsOf: (index: number) => number | undefined): string {
  let at = 4;
  for (let i = 0; i < count; i++) {
    const ageMs = ageMsOf(i);
    if (ageMs === undefined) continue;
    const age = Math.min(Math.max(Math.floor(ageMs / MS_OF_UNIT[WRITTEN_UNIT]), 0), OLDEST);
    writtenAges[at] = i;
    writtenAges[at + 1] = age;
    writtenAges[at + 2] = age >> 8;
    writtenAges[at + 3] = age >> 16;
    at += 4;
  }
  writtenAges[1] = 1;
  writtenAges[2] = WRITTEN_UNIT;
  writtenAges[3] = at / 4 - 1;
  return toBase64(writtenAges, at);
}

/** Undefined if malformed; a match is good without them. */
export function readSegmentAges(text: string): readonly SegmentAge[] | undefined {
  const blob = readBase64(segmentAges, text);
  return blob?.ages.map(({ segmentIndex, age }) => ({ segmentIndex, ageMs: age * MS_OF_UNIT[blob.unit] }));
}

function readBase64<L extends Parameters<typeof decode>[0]>(layout: L, text: string): Decoded<L> | undefined {
  const binary = fromBase64(text);
  if (!binary) return undefined;
  try {
    return decode(layout, binary) as Decoded<L>;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
