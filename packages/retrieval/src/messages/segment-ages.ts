/** The extensible BLOB of version 1: how long the segments have been in the cache. [MS-PCCRR] 2.2.6 */
import {
  type Decoded,
  decode,
  encode,
  type Layout,
  list,
  oneOf,
  struct,
  u8,
  u16be,
  u24le,
} from "@branchcache/runtime";

/** Milliseconds in each SegmentAgeUnits. 2.2.6.1 */
const UNIT_MS = { 1: 1_000, 2: 100, 3: 10, 4: 1 } as const;
/** SHOULD be used by senders: hundredths of a second. */
const SENT_UNIT = 3;
const MAX_AGE = 2 ** 24 - 1;
/** SegmentIndex and SegmentAgeCount are bytes. */
const MAX_AGES = 255;

/** ENCODED_SEGMENT_AGE. 2.2.1.5 */
const encodedAge = struct("ENCODED_SEGMENT_AGE", { segmentIndex: u8, age: u24le });

const blob = struct("ExtensibleBlob", {
  version: oneOf(u16be, [1]),
  unit: oneOf(u8, [1, 2, 3, 4]),
  ages: list(u8, encodedAge, { max: MAX_AGES }),
});
type Blob = Decoded<typeof blob>;

/** An age, with an index that counts from a base which the enclosing message defines. */
export interface SegmentAge {
  readonly segmentIndex: number;
  /** How long it has been held, in milliseconds. */
  readonly ageMs: number;
}

/**
 * The ages in a blob; undefined if the blob is to be discarded: too short, of another version, with an
 * unknown unit, or shorter than its count says. Bytes after the last age are skipped. 2.2.6.1.1
 */
export function decodeSegmentAges(bytes: Uint8Array): readonly SegmentAge[] | undefined {
  let read: Blob;
  try {
    read = decode(blob, bytes, { trailing: "allow" });
  } catch {
    return undefined;
  }
  const unitMs = UNIT_MS[read.unit];
  return read.ages.map(({ segmentIndex, age }) => ({ segmentIndex, ageMs: age * unitMs }));
}

/** Ages that a blob cannot index (from 256 on, or more than 255 of them) are left out; too old ones are clamped. */
export function encodeSegmentAges(ages: readonly SegmentAge[]): Uint8Array {
  const fitting = ages.filter((age) => age.segmentIndex <= 255).slice(0, MAX_AGES);
  return encode(blob, {
    version: 1,
    unit: SENT_UNIT,
    ages: fitting.map(({ segmentIndex, ageMs }) => ({
      segmentIndex,
      age: Math.min(Math.max(Math.round(ageMs / UNIT_MS[SENT_UNIT]), 0), MAX_AGE),
    })),
  });
}

/** The unit without an enclosing structure: hundredths of a millisecond. 2.2.1.5 */
const BARE_UNIT_MS = 0.01;

/** An ENCODED_SEGMENT_AGE that stands alone. */
export const bareSegmentAge: Layout<SegmentAge> = {
  name: encodedAge.name,
  size: () => 4,
  read(reader) {
    const { segmentIndex, age } = encodedAge.read(reader);
    return { segmentIndex, ageMs: age * BARE_UNIT_MS };
  },
  write(writer, { segmentIndex, ageMs }) {
    const age = Math.min(Math.max(Math.round(ageMs / BARE_UNIT_MS), 0), MAX_AGE);
    encodedAge.write(writer, { segmentIndex, age });
  },
};
