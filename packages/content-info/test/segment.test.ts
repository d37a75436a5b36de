import { inspect } from "node:util";
import {
  blockCount,
  blockLengthBytes,
  blocksInRange,
  deriveSegmentSecret,
  nobleHashEngine,
  publishBytes,
  readContentInformation,
  type Segment,
  segmentAt,
  segmentsInRange,
  segmentsOf,
  verifyBlock,
  verifyBlockList,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { equalBytes } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { evenCuts, exampleContent, exampleSecret, publishCut } from "./support.ts";

const content = exampleContent(33_654_432);
const v1 = segmentsOf(publishBytes(content, { engine, versions: [1] }).v1!, exampleSecret, engine);
const v2 = segmentsOf(publishCut(content, evenCuts(content.length, 100_000), engine), exampleSecret, engine);

const blockBytes = (segment: Segment, index: number) => {
  const start = segment.offsetBytes + index * segment.blockSizeBytes;
  return content.subarray(start, start + blockLengthBytes(segment, index));
};

describe("blocks", () => {
  it("PCCRC-11 T9: counts and lengths", () => {
    expect(v1.map(blockCount)).toEqual([512, 2]);
    expect([0, 511, 512, -1].map((index) => blockLengthBytes(v1[0]!, index))).toEqual([65_536, 65_536, 0, 0]);
    expect([0, 1, 2].map((index) => blockLengthBytes(v1[1]!, index))).toEqual([65_536, 34_464, 0]);
    expect(blockCount(v2[0]!)).toBe(1);
    expect(blockLengthBytes(v2[0]!, 0)).toBe(100_000);
  });

  it("PCCRC-13: blocks joined in order are the segment, segments the content", () => {
    for (const segments of [v1, v2]) {
      let at = 0;
      for (const segment of segments) {
        expect(segment.offsetBytes).toBe(at);
        for (let index = 0; index < blockCount(segment); index++) at += blockLengthBytes(segment, index);
      }
      expect(at).toBe(content.length);
    }
  });

  it("which of them a range touches", () => {
    const [first, second] = [v1[0]!, v1[1]!];
    expect(blocksInRange(first, { startBytes: 0, endBytes: 1 })).toEqual({ first: 0, count: 1 });
    expect(blocksInRange(first, { startBytes: 65_535, endBytes: 65_537 })).toEqual({ first: 0, count: 2 });
    expect(blocksInRange(first, { startBytes: 65_536, endBytes: 40_000_000 })).toEqual({
      first: 1,
      count: 511,
    });
    expect(blocksInRange(first, { startBytes: 33_554_432, endBytes: 33_554_433 })).toBeUndefined();
    expect(blocksInRange(second, { startBytes: 0, endBytes: 33_554_432 })).toBeUndefined();
    expect(blocksInRange(second, { startBytes: 0, endBytes: 33_554_433 })).toEqual({ first: 0, count: 1 });
    const blob = writeContentInformation(publishBytes(content, { engine }).v1!, exampleSecret, engine);
    const information = readContentInformation(blob, engine);
    expect(segmentsInRange(information, { startBytes: 5, endBytes: 6 })).toEqual([information.segments[0]]);
    expect(segmentsInRange(information, { startBytes: 33_554_431, endBytes: 33_554_433 })).toHaveLength(2);
  });
});

describe("segmentAt", () => {
  it("finds the segment of each byte: its first, its last, and none outside", () => {
    for (const segment of v2) {
      const { lengthBytes, offsetBytes } = segment;
      expect(segmentAt(v2, offsetBytes)).toBe(segment);
      expect(segmentAt(v2, offsetBytes + lengthBytes - 1)).toBe(segment);
    }
    expect([-1, content.length].map((offset) => segmentAt(v2, offset))).toEqual([undefined, undefined]);
    expect(segmentAt([], 0)).toBeUndefined();
    expect(segmentAt([v2[0]!, v2[2]!], v2[1]!.offsetBytes), "a gap").toBeUndefined();
  });
});

describe("verifying", () => {
  it("PCCRC-22 PCCRC-24: a version 1.0 block by its hash, at its index, in its length", () => {
    const segment = v1[1]!;
    for (const index of [0, 1]) {
      const block = blockBytes(segment, index);
      expect(verifyBlock(segment, index, block, engine)).toBe(true);
      expect(verifyBlock(segment, index, block, nobleHashEngine)).toBe(true);
      expect(verifyBlock(segment, 1 - index, block, engine)).toBe(false);
      expect(verifyBlock(segment, index, block.subarray(1), engine)).toBe(false);
      const damaged = block.slice();
      damaged[17]! ^= 1;
      expect(verifyBlock(segment, index, damaged, engine)).toBe(false);
    }
    expect(verifyBlock(segment, 2, new Uint8Array(0), engine)).toBe(false);
    expect(verifyBlock(segment, -1, new Uint8Array(0), engine)).toBe(false);
  });

  it("PCCRC-23: a version 2.0 segment by its hash of data", () => {
    const segment = v2[3]!;
    const bytes = blockBytes(segment, 0);
    expect(verifyBlock(segment, 0, bytes, engine)).toBe(true);
    expect(verifyBlock(segment, 1, bytes, engine)).toBe(false);
    expect(verifyBlock(segment, 0, blockBytes(v2[4]!, 0), engine)).toBe(false);
    expect(verifyBlockList(segment, engine)).toBe("complete");
  });

  it("PCCRC-21 T14: the block list by the hash of data, where it is complete", () => {
    for (const segment of v1) expect(verifyBlockList(segment, engine)).toBe("complete");
    const [first, ...others] = v1[0]!.blockHashes;
    const lying = { ...v1[0]!, blockHashes: [...others, first!] };
    expect(verifyBlockList(lying, engine)).toBe("mismatch");
    const publication = publishBytes(content, { engine, versions: [1] }).v1!;
    const ranged = segmentsOf(publication, exampleSecret, engine, { startBytes: 0, endBytes: 100_000 });
    expect(verifyBlockList(ranged[0]!, engine)).toBe("partial");
    const later = segmentsOf(publication, exampleSecret, engine, {
      startBytes: 70_000,
      endBytes: 33_554_432,
    });
    expect(later[0]!.firstBlockIndex).toBe(1);
    expect(verifyBlockList(later[0]!, engine)).toBe("partial");
    expect(verifyBlock(later[0]!, 1, blockBytes(later[0]!, 1), engine)).toBe(true);
    expect(verifyBlock(later[0]!, 0, blockBytes(later[0]!, 0), engine)).toBe(false);
  });

  it("PCCRC-12: the same bytes make the same segment in any content, under the same secret only", () => {
    const twice = new Uint8Array(200_000);
    twice.set(content.subarray(0, 100_000));
    twice.set(content.subarray(0, 100_000), 100_000);
    const [a, b] = segmentsOf(publishCut(twice, [100_000, 100_000], engine), exampleSecret, engine);
    expect(a!.id).toEqual(v2[0]!.id);
    expect(b!.id).toEqual(a!.id);
    expect(b!.offsetBytes).not.toBe(a!.offsetBytes);
  });

  it("PCCRC-49 T11: a segment that is inspected shows no secret", () => {
    const segment = v1[1]!;
    expect(segment.secret).toHaveLength(32);
    const shown = inspect(segment, { getters: true, depth: 9 });
    expect(shown).toContain("hashOfData");
    expect(shown).not.toContain("secret");
  });

  it("PCCRC-18: Ke is Kp, and HoHoDk tells neither", () => {
    const segment = v1[0]!;
    const serverKey = exampleSecret.deriveKey(engine, "sha256");
    expect(deriveSegmentSecret(engine, "sha256", serverKey, segment.hashOfData)).toEqual(segment.secret);
    expect(equalBytes(segment.id, segment.secret)).toBe(false);
  });
});
