/** Every field of every structure of the document: whatever may be written comes back. */
import { decode, encode, type Layout } from "@branchcache/runtime";
import fc, { type Arbitrary } from "fast-check";
import { describe, expect, it } from "vitest";
import { blockHashesField, blockListHead, headerV1, segmentDescriptionV1 } from "../src/wire/v1.ts";
import { chunkHead, headerV2, segmentDescriptionV2 } from "../src/wire/v2.ts";
import { versionField } from "../src/wire/version.ts";

const u32 = fc.nat({ max: 0xffff_ffff });
const u64 = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const upTo = (max: number) => fc.integer({ min: 1, max });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

function held<T>(name: string, layout: Layout<T>, value: Arbitrary<T>): readonly [string, () => void] {
  const comesBack = (given: T) => {
    expect(decode(layout, encode(layout, given))).toEqual(given);
  };
  return [name, () => fc.assert(fc.property(value, comesBack))];
}

const structures = [
  held(
    "version",
    versionField,
    fc.record({ minor: fc.constant(0), major: fc.constantFrom(1 as const, 2 as const) }),
  ),
  held(
    "PCCRC-26 PCCRC-27 PCCRC-28 PCCRC-29 PCCRC-31: header of version 1.0",
    headerV1,
    fc.record({
      hashAlgorithm: fc.constantFrom("sha256" as const, "sha384" as const, "sha512" as const),
      offsetInFirstSegment: u32,
      bytesInLastSegment: u32,
      segmentCount: upTo(0xffff_ffff),
    }),
  ),
  ...([32, 48, 64] as const).map((hashBytes) =>
    held(
      `PCCRC-10 PCCRC-35: segment of version 1.0, hashes of ${hashBytes} bytes`,
      segmentDescriptionV1(hashBytes),
      fc.record({
        offsetBytes: u64,
        lengthBytes: upTo(33_554_432),
        blockSizeBytes: fc.constant(65_536),
        hashOfData: bytes(hashBytes),
        secret: bytes(hashBytes),
      }),
    ),
  ),
  held("PCCRC-33: count of blocks", blockListHead, fc.record({ blockCount: u32 })),
  held("PCCRC-33: hashes of blocks", blockHashesField(3, 48), fc.record({ hashes: bytes(144) })),
  held(
    "PCCRC-38 PCCRC-40 PCCRC-41 PCCRC-42: header of version 2.0",
    headerV2,
    fc.record({
      hashAlgorithm: fc.constant(4),
      startInContent: u64,
      indexOfFirstSegment: u64,
      offsetInFirstSegment: u32,
      lengthOfRange: u64,
    }),
  ),
  held(
    "PCCRC-43 PCCRC-44: head of a chunk",
    chunkHead,
    fc.record({ type: fc.constant(0), dataLength: upTo(63_161_283).map((segments) => 68 * segments) }),
  ),
  held(
    "PCCRC-46 PCCRC-47: segment of version 2.0",
    segmentDescriptionV2,
    fc.record({ lengthBytes: upTo(131_072), hashOfData: bytes(32), secret: bytes(32) }),
  ),
];

describe("fields come back as they were written", () => {
  it.each(structures)("%s", (_, holds) => holds());
});
