/** Faults of the wire, each with the field and offset it is reported at, and what is accepted in spite of it. */
import {
  type ContentInformation,
  publishBytes,
  readContentInformation,
  verifyBlockList,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, DecodeError } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { evenCuts, exampleContent, exampleSecret, publishCut } from "./support.ts";

const twoSegments = publishBytes(exampleContent(33_654_432), { engine, versions: [1] }).v1!;
const threeBlocks = publishBytes(exampleContent(150_000), { engine, versions: [1] }).v1!;
const threeSegments = publishCut(exampleContent(150_000), evenCuts(150_000, 60_000), engine);

const v1 = writeContentInformation(threeBlocks, exampleSecret, engine);
const v1Two = writeContentInformation(twoSegments, exampleSecret, engine, {
  startBytes: 33_554_422,
  endBytes: 33_554_442,
});
const v2 = writeContentInformation(threeSegments, exampleSecret, engine);

interface Poke {
  readonly at: number;
  readonly bytes: readonly number[];
}

function poke(blob: Uint8Array, ...pokes: readonly Poke[]): Uint8Array {
  const copy = blob.slice();
  for (const { at, bytes } of pokes) copy.set(bytes, at);
  return copy;
}

const u32le = (value: number) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
const u32be = (value: number) => u32le(value).reverse();

describe("version 1.0 faults", () => {
  const faults: readonly (readonly [string, Uint8Array, string, string, number])[] = [
    ["PCCRC-25 minor version", poke(v1, { at: 0, bytes: [1] }), "BC_DECODE_VALUE", "version.minor", 0],
    ["PCCRC-25 major version", poke(v1, { at: 1, bytes: [3] }), "BC_DECODE_VALUE", "version.major", 1],
    ["PCCRC-27 algorithm", poke(v1, { at: 2, bytes: [0x0b] }), "BC_DECODE_VALUE", "hashAlgorithm", 2],
    [
      "PCCRC-28 start outside the first segment",
      poke(v1, { at: 6, bytes: u32le(150_000) }),
      "BC_DECODE_INCONSISTENT",
      "offsetInFirstSegment",
      6,
    ],
    [
      "PCCRC-29 more bytes than the last segment has",
      poke(v1, { at: 10, bytes: u32le(150_001) }),
      "BC_DECODE_INCONSISTENT",
      "bytesInLastSegment",
      10,
    ],
    ["PCCRC-31 no segments", poke(v1, { at: 14, bytes: u32le(0) }), "BC_DECODE_VALUE", "segmentCount", 14],
    [
      "PCCRC-31 more segments than there are bytes",
      poke(v1, { at: 14, bytes: u32le(0xffff_ffff) }),
      "BC_DECODE_LIMIT",
      "segments[1].offsetBytes",
      18 + 80,
    ],
    ["cbSegment 0", poke(v1, { at: 26, bytes: u32le(0) }), "BC_DECODE_VALUE", "segments[0].lengthBytes", 26],
    [
      "PCCRC-7 cbSegment over 32 MiB",
      poke(v1, { at: 26, bytes: u32le(33_554_433) }),
      "BC_DECODE_VALUE",
      "segments[0].lengthBytes",
      26,
    ],
    [
      "PCCRC-10 T9 cbBlockSize",
      poke(v1, { at: 30, bytes: u32le(65_535) }),
      "BC_DECODE_VALUE",
      "segments[0].blockSizeBytes",
      30,
    ],
    [
      "an offset over 2^53",
      poke(v1, { at: 25, bytes: [1] }),
      "BC_DECODE_LIMIT",
      "segments[0].offsetBytes",
      18,
    ],
    [
      "an end over 2^53",
      poke(v1, { at: 18, bytes: [255, 255, 255, 255, 255, 255, 31, 0] }),
      "BC_DECODE_LIMIT",
      "segments[0].offsetBytes",
      18,
    ],
    [
      "PCCRC-31 segments with a gap",
      poke(v1Two, { at: 98, bytes: [1] }),
      "BC_DECODE_INCONSISTENT",
      "segments[1].offsetBytes",
      98,
    ],
    [
      "PCCRC-33 no blocks",
      poke(v1, { at: 98, bytes: u32le(0) }),
      "BC_DECODE_INCONSISTENT",
      "blocks[0].blockCount",
      98,
    ],
    [
      "PCCRC-33 too few blocks",
      poke(v1, { at: 98, bytes: u32le(2) }),
      "BC_DECODE_INCONSISTENT",
      "blocks[0].blockCount",
      98,
    ],
    [
      "PCCRC-33 more blocks than the segment has",
      poke(v1, { at: 98, bytes: u32le(4) }),
      "BC_DECODE_INCONSISTENT",
      "blocks[0].blockCount",
      98,
    ],
    ["too short", v1.subarray(0, 100), "BC_DECODE_TRUNCATED", "blocks[0].blockCount", 98],
    ["PCCRC-35 hash cut short", v1.subarray(0, 110), "BC_DECODE_TRUNCATED", "blocks[0].hashes", 102],
    ["secret cut short", v1.subarray(0, 80), "BC_DECODE_TRUNCATED", "segments[0].secret", 66],
    ["bytes left over", concatBytes(v1, Uint8Array.of(7)), "BC_DECODE_TRAILING", "", v1.length],
  ];
  it.each(faults)("%s", (_, blob, code, path, offsetBytes) => {
    expectFault(blob, code, path, offsetBytes);
  });
});

describe("version 2.0 faults", () => {
  const faults: readonly (readonly [string, Uint8Array, string, string, number])[] = [
    ["PCCRC-39 minor version", poke(v2, { at: 0, bytes: [1] }), "BC_DECODE_VALUE", "version.minor", 0],
    ["PCCRC-40 T8 algorithm 1", poke(v2, { at: 2, bytes: [1] }), "BC_DECODE_VALUE", "hashAlgorithm", 2],
    ["a start over 2^53", poke(v2, { at: 3, bytes: [1] }), "BC_DECODE_LIMIT", "startInContent", 3],
    [
      "start outside the first segment",
      poke(v2, { at: 19, bytes: u32be(60_000) }),
      "BC_DECODE_INCONSISTENT",
      "offsetInFirstSegment",
      19,
    ],
    [
      "PCCRC-42 T6 end after the last segment",
      poke(v2, { at: 27, bytes: u32be(150_001) }),
      "BC_DECODE_INCONSISTENT",
      "lengthOfRange",
      23,
    ],
    ["PCCRC-43 chunk type", poke(v2, { at: 31, bytes: [1] }), "BC_DECODE_VALUE", "chunks[0].type", 31],
    [
      "PCCRC-44 an empty chunk",
      poke(v2, { at: 32, bytes: u32be(0) }),
      "BC_DECODE_VALUE",
      "chunks[0].dataLength",
      32,
    ],
    [
      "PCCRC-44 a chunk of parts",
      poke(v2, { at: 32, bytes: u32be(203) }),
      "BC_DECODE_VALUE",
      "chunks[0].dataLength",
      32,
    ],
    ["PCCRC-44 no chunk", v2.subarray(0, 31), "BC_DECODE_TRUNCATED", "chunks[0].type", 31],
    [
      "PCCRC-46 cbSegment 0",
      poke(v2, { at: 36, bytes: u32be(0) }),
      "BC_DECODE_VALUE",
      "chunks[0].segments[0].lengthBytes",
      36,
    ],
    [
      "PCCRC-46 cbSegment over 128 KiB",
      poke(v2, { at: 36, bytes: u32be(131_073) }),
      "BC_DECODE_VALUE",
      "chunks[0].segments[0].lengthBytes",
      36,
    ],
    [
      "PCCRC-47 secret cut short",
      v2.subarray(0, v2.length - 1),
      "BC_DECODE_TRUNCATED",
      "chunks[0].segments[2].secret",
      36 + 2 * 68 + 36,
    ],
    ["a byte left over", concatBytes(v2, Uint8Array.of(7)), "BC_DECODE_VALUE", "chunks[1].type", v2.length],
    [
      "a zero left over",
      concatBytes(v2, Uint8Array.of(0)),
      "BC_DECODE_TRUNCATED",
      "chunks[1].dataLength",
      v2.length + 1,
    ],
  ];
  it.each(faults)("%s", (_, blob, code, path, offsetBytes) => {
    expectFault(blob, code, path, offsetBytes);
  });
});

function expectFault(blob: Uint8Array, code: string, path: string, offsetBytes: number): void {
  try {
    readContentInformation(blob, engine);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    const { structure, ...found } = error as DecodeError;
    expect(structure).toBe("ContentInformation");
    expect({ code: found.code, path: found.path, offsetBytes: found.offsetBytes }).toEqual({
      code,
      path,
      offsetBytes,
    });
  }
}

describe("accepted in spite of the text", () => {
  const range = (read: ContentInformation) => [read.range.startBytes, read.range.endBytes];

  it("T4: trailing blocks of a range listed, and leading ones", () => {
    const head = v1.slice(0, 98);
    const hashes = v1.subarray(102);
    // 70,000 to 130,000 touches block 1 of 0 to 2.
    head.set(u32le(70_000), 6);
    head.set(u32le(60_000), 10);
    const listed = (count: number, from: number) =>
      concatBytes(head, Uint8Array.from(u32le(count)), hashes.subarray(32 * from, 32 * (from + count)));
    const cases = [
      [1, 1, 1, "partial"],
      [2, 0, 0, "partial"],
      [3, 0, 0, "complete"],
    ] as const;
    for (const [count, from, first, completeness] of cases) {
      const read = readContentInformation(listed(count, from), engine);
      expect(range(read)).toEqual([70_000, 130_000]);
      expect(read.segments[0]!.firstBlockIndex).toBe(first);
      expect(read.segments[0]!.blockHashes).toHaveLength(count);
      expect(verifyBlockList(read.segments[0]!, engine)).toBe(completeness);
    }
  });

  it("T5: the whole segment's length with an offset, as a hosted cache is sent it", () => {
    const blob = poke(v1.slice(), { at: 6, bytes: u32le(10) }, { at: 10, bytes: u32le(150_000) });
    expect(range(readContentInformation(blob, engine))).toEqual([10, 150_000]);
  });

  it("PCCRC-37: many segments; the length counts from the last one's start", () => {
    const read = readContentInformation(v1Two, engine);
    expect(range(read)).toEqual([33_554_422, 33_554_442]);
    const toTheEnd = poke(v1Two, { at: 10, bytes: u32le(0) }, { at: 18 + 160 + 36, bytes: u32le(2) });
    const second = twoSegments.blockHashes(1);
    const blob = concatBytes(toTheEnd.subarray(0, 18 + 160 + 40), second);
    expect(range(readContentInformation(blob, engine))).toEqual([33_554_422, 33_654_432]);
  });

  it("PCCRC-42: an explicit length of the whole, as in example 3.6", () => {
    const blob = poke(v2, { at: 27, bytes: u32be(150_000) });
    expect(range(readContentInformation(blob, engine))).toEqual([0, 150_000]);
  });

  it("PCCRC-44: many chunks; offsets run on across their borders", () => {
    const chunk = (index: number) =>
      concatBytes(Uint8Array.of(0, ...u32be(68)), v2.subarray(36 + 68 * index, 36 + 68 * (index + 1)));
    const blob = concatBytes(v2.subarray(0, 31), chunk(0), chunk(1), chunk(2));
    const read = readContentInformation(blob, engine);
    expect(range(read)).toEqual([0, 150_000]);
    expect(read.segments.map((segment) => segment.offsetBytes)).toEqual([0, 60_000, 120_000]);
  });
});
