import {
  type ContentInformation,
  type ContentRange,
  contentInformationLength,
  contentInformationParts,
  createContentInformationReader,
  type Publication,
  publicationFromColumns,
  publishBytes,
  readContentInformation,
  type Segment,
  segmentsOf,
  V1_BLOCK_BYTES,
  V1_SEGMENT_BYTES,
  type WriteOptions,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, DecodeError, errorCode } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evenCuts, exampleSecret, publishCut } from "./support.ts";

/** Four segments that were never content: nobody looks. */
function synthetic(lengthBytes: number): Publication {
  const lengths = evenCuts(lengthBytes, V1_SEGMENT_BYTES);
  const random = seededRandom(22);
  return publicationFromColumns({
    version: 1,
    algorithm: "sha256",
    segmentLengths: Uint32Array.from(lengths),
    hashesOfData: random.bytes(32 * lengths.length),
    blockHashes: random.bytes(32 * Math.ceil(lengthBytes / V1_BLOCK_BYTES)),
  });
}

const small = seededRandom(21).bytes(300_000);
const publications: readonly Publication[] = [
  synthetic(110_012_345),
  publishBytes(small, { engine, versions: [1] }).v1!,
  publishBytes(small, { engine, versions: [1], algorithm: "sha384" }).v1!,
  publishBytes(small, { engine, versions: [1], algorithm: "sha512" }).v1!,
  publishBytes(small, { engine, versions: [2] }).v2!,
  publishCut(small, evenCuts(small.length, 999), engine),
];

/** A publication and a range of it, borders of blocks and segments oftener than chance would. */
const published = fc.constantFrom(...publications).chain((publication) => {
  const { lengthBytes, segmentCount } = publication;
  const borders = Array.from({ length: segmentCount }, (_, index) => publication.segmentOffsetBytes(index));
  const near = fc
    .tuple(fc.constantFrom(...borders, 65_536, 131_072, lengthBytes), fc.integer({ min: -2, max: 2 }))
    .map(([border, by]) => Math.min(Math.max(border + by, 0), lengthBytes));
  const offset = fc.oneof(fc.integer({ min: 0, max: lengthBytes }), near);
  return fc
    .tuple(offset, offset)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => ({ publication, range: { startBytes: Math.min(a, b), endBytes: Math.max(a, b) } }));
});

const leading = fc.constantFrom<WriteOptions>({}, { leadingBlocks: "list" });

/** A segment with everything derived, so that it compares by value. */
const spelled = (segment: Segment) => {
  const { id, secret, blockHashes } = segment;
  return { ...segment, id, secret, blockHashes };
};

function readInPieces(blob: Uint8Array, pieces: readonly number[]): ContentInformation {
  const reader = createContentInformationReader(engine);
  const segments: Segment[] = [];
  let at = 0;
  for (let turn = 0; at < blob.length; turn++) {
    const piece = blob.slice(at, at + pieces[turn % pieces.length]!);
    segments.push(...reader.push(piece));
    at += piece.length;
    piece.fill(0);
  }
  return { ...reader.end(), segments };
}

describe("writing and reading again", () => {
  it("PCCRC-28 to PCCRC-37, PCCRC-41, PCCRC-42, PCCRC-45: every range of every version comes back", () => {
    fc.assert(
      fc.property(published, leading, ({ publication, range }, options) => {
        const blob = writeContentInformation(publication, exampleSecret, engine, range, options);
        expect(blob).toHaveLength(contentInformationLength(publication, range, options));
        const read = readContentInformation(blob, engine);
        expect(read.version).toBe(publication.version);
        expect(read.algorithm).toBe(publication.algorithm);
        expect(read.range).toEqual(range);
        const expected = segmentsOf(publication, exampleSecret, engine, range);
        expect(read.segments).toHaveLength(expected.length);
        const [first, last] = [expected[0]!, expected.at(-1)!];
        expect(first.offsetBytes).toBeLessThanOrEqual(range.startBytes);
        expect(first.offsetBytes + first.lengthBytes).toBeGreaterThan(range.startBytes);
        expect(last.offsetBytes).toBeLessThan(range.endBytes);
        expect(last.offsetBytes + last.lengthBytes).toBeGreaterThanOrEqual(range.endBytes);
        for (const [index, segment] of read.segments.entries()) {
          const twin = expected[index]!;
          if (options.leadingBlocks === "list" && index === 0) {
            expect(segment.firstBlockIndex).toBe(0);
            expect(segment.blockHashes.slice(twin.firstBlockIndex)).toEqual(twin.blockHashes);
          } else {
            expect(spelled(segment)).toEqual(spelled(twin));
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it("the writer's pieces joined are the blob", () => {
    fc.assert(
      fc.property(published, ({ publication, range }) => {
        const parts = [...contentInformationParts(publication, exampleSecret, engine, range)];
        expect(concatBytes(...parts)).toEqual(
          writeContentInformation(publication, exampleSecret, engine, range),
        );
        for (const part of parts) expect(part.length).toBeLessThanOrEqual(65_536);
      }),
      { numRuns: 20 },
    );
  });

  it("arriving in pieces of any size, reused meanwhile, it reads the same", () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(published, pieces, ({ publication, range }, sizes) => {
        const blob = writeContentInformation(publication, exampleSecret, engine, range);
        const whole = readContentInformation(blob, engine);
        const read = readInPieces(blob, sizes);
        expect(read.range).toEqual(whole.range);
        expect(read.segments.map(spelled)).toEqual(whole.segments.map(spelled));
      }),
      { numRuns: 40 },
    );
    const blob = writeContentInformation(publications[4]!, exampleSecret, engine);
    expect(readInPieces(blob, [1]).segments).toHaveLength(publications[4]!.segmentCount);
  });

  it("segments are given out as soon as they are complete", () => {
    const blob = writeContentInformation(publications[4]!, exampleSecret, engine);
    const reader = createContentInformationReader(engine);
    expect(reader.push(blob.subarray(0, 36 + 67))).toHaveLength(0);
    expect(reader.push(blob.subarray(36 + 67, 36 + 68))).toHaveLength(1);
    expect(reader.push(blob.subarray(36 + 68))).toHaveLength(publications[4]!.segmentCount - 1);
  });
});

describe("what cannot be written", () => {
  const ranges: readonly ContentRange[] = [
    { startBytes: 0, endBytes: 0 },
    { startBytes: 5, endBytes: 4 },
    { startBytes: -1, endBytes: 4 },
    { startBytes: 0, endBytes: small.length + 1 },
    { startBytes: 0.5, endBytes: 4 },
    { startBytes: 0, endBytes: Number.NaN },
  ];
  it.each(ranges)("PCCRC-30: [$startBytes, $endBytes)", (range) => {
    for (const write of [writeContentInformation, segmentsOf]) {
      try {
        write(publications[4]!, exampleSecret, engine, range);
        expect.unreachable();
      } catch (error) {
        expect(errorCode(error)).toBe("BC_CONTENT_RANGE");
      }
    }
  });
});

describe("bad bytes", () => {
  const blobs = publications.slice(1).map((publication) => {
    const range = { startBytes: 70_000, endBytes: 140_000 };
    return writeContentInformation(publication, exampleSecret, engine, range);
  });

  it("every prefix fails cleanly, whole or in pieces", () => {
    for (const blob of blobs) {
      for (let length = 0; length < blob.length; length++) {
        // A version 2.0 blob may end after any chunk; these have one.
        const prefix = blob.subarray(0, length);
        expect(() => readContentInformation(prefix, engine)).toThrow(DecodeError);
      }
      expect(() => readInPieces(blob.subarray(0, blob.length - 1), [7])).toThrow(DecodeError);
    }
  });

  it("bytes left over are refused", () => {
    for (const blob of blobs) {
      expect(() => readContentInformation(concatBytes(blob, Uint8Array.of(0)), engine)).toThrow(DecodeError);
    }
  });

  it("random bytes give a value or a DecodeError", () => {
    const start = fc.constantFrom(
      Uint8Array.of(0, 1, 12, 128, 0, 0),
      Uint8Array.of(0, 2, 4),
      new Uint8Array(0),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 400 }), (prefix, rest) => {
        try {
          readContentInformation(concatBytes(prefix, rest), engine);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("after a fault the reader stays at it", () => {
    const reader = createContentInformationReader(engine);
    expect(() => reader.push(Uint8Array.of(0, 3))).toThrow("version.major");
    expect(() => reader.push(blobs[0]!)).toThrow("version.major");
    expect(() => reader.end()).toThrow("version.major");
  });

  it("a limit on the size holds before the bytes are kept", () => {
    const blob = blobs[0]!;
    expect(readContentInformation(blob, engine, { maxBytes: blob.length }).version).toBe(1);
    try {
      readContentInformation(blob, engine, { maxBytes: blob.length - 1 });
      expect.unreachable();
    } catch (error) {
      expect(errorCode(error)).toBe("BC_DECODE_LIMIT");
    }
  });
});
