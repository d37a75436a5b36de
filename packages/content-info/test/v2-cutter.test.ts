import { createHash } from "node:crypto";
import { SegmentCutter } from "@branchcache/content-info";
import { seededRandom } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exampleContent } from "./support.ts";

/** docs/cutting.md written out plainly, with nothing of the package. */
function referenceCuts(content: Uint8Array): number[] {
  const text = "BranchCache V2 cutter table ";
  const table = Array.from({ length: 32 }, (_, k) =>
    createHash("sha256")
      .update(text + k)
      .digest(),
  ).flatMap((hash) => Array.from({ length: 8 }, (_, i) => hash.readInt32LE(4 * i)));
  const lengths: number[] = [];
  let start = 0;
  while (content.length - start > 0) {
    let length = Math.min(131_072, content.length - start);
    for (let tried = 32_768; tried < length; tried++) {
      let hash = 0;
      for (let at = start + tried - 32; at < start + tried; at++)
        hash = (2 * hash + table[content[at]!]!) | 0;
      if (hash < -(2 ** 31) + (tried <= 65_536 ? 2 ** 16 : 2 ** 18)) length = tried;
    }
    lengths.push(length);
    start += length;
  }
  return lengths;
}

function cuts(content: Uint8Array, pieceBytes: readonly number[] = [content.length]): number[] {
  const cutter = new SegmentCutter();
  const lengths: number[] = [];
  let from = 0;
  for (let turn = 0; from < content.length; turn++) {
    const piece = content.subarray(from, from + pieceBytes[turn % pieceBytes.length]!);
    for (let at = 0; at < piece.length; ) {
      const pending = cutter.pendingBytes;
      const end = cutter.next(piece, at);
      if (end < 0) break;
      lengths.push(pending + end - at);
      at = end;
    }
    from += piece.length;
  }
  if (cutter.pendingBytes > 0) lengths.push(cutter.pendingBytes);
  return lengths;
}

/** SHA-512("cutting " + k) for k = 0, 1, ... joined, as bytes or as hexadecimal text; the first 600,000 bytes. */
function goldenContent(as: "bytes" | "text"): Uint8Array {
  const content = new Uint8Array(600_000);
  for (let k = 0, at = 0; at < content.length; k++) {
    const hash = createHash("sha512").update(`cutting ${k}`).digest();
    const run = as === "bytes" ? hash : new TextEncoder().encode(hash.toString("hex"));
    content.set(run.subarray(0, content.length - at), at);
    at += run.length;
  }
  return content;
}

const sum = (lengths: readonly number[]) => lengths.reduce((total, length) => total + length, 0);

describe("cutting version 2.0", () => {
  // Made by us. They freeze the cuts: a change here breaks sharing with every server already out there.
  const golden: readonly (readonly [string, Uint8Array, readonly number[]])[] = [
    [
      "hashes joined",
      goldenContent("bytes"),
      [78_365, 58_609, 44_391, 39_239, 66_976, 112_474, 33_296, 39_550, 81_079, 46_021],
    ],
    [
      "hashes as text",
      goldenContent("text"),
      [47_842, 61_279, 71_345, 75_085, 37_286, 74_873, 98_100, 59_724, 51_373, 23_093],
    ],
    ["zeros", new Uint8Array(300_000), [131_072, 131_072, 37_856]],
    ["a short period", exampleContent(300_000), [131_072, 131_072, 37_856]],
    ["one byte", new Uint8Array(1), [1]],
    ["the least length", new Uint8Array(32_768), [32_768]],
  ];
  it.each(golden)("golden: %s", (_, content, expected) => {
    expect(cuts(content)).toEqual(expected);
    expect(referenceCuts(content)).toEqual(expected);
  });

  it("agrees with the plain writing of the algorithm, at every alignment", () => {
    const content = seededRandom(7).bytes(400_000);
    for (let skip = 0; skip < 9; skip++) {
      const unaligned = content.subarray(skip);
      expect(cuts(unaligned)).toEqual(referenceCuts(unaligned));
    }
  });

  it("PCCRC-46: does not depend on the pieces the content comes in", () => {
    const content = seededRandom(11).bytes(500_000);
    const whole = cuts(content);
    expect(sum(whole)).toBe(content.length);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }), (pieces) => {
        expect(cuts(content, pieces)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
    expect(cuts(content, [1])).toEqual(whole);
  });

  it("an edit moves only the cuts near it", () => {
    const before = seededRandom(13).bytes(4_000_000);
    const after = new Uint8Array(before.length + 3);
    after.set(before.subarray(0, 1_000_000));
    after.set([1, 2, 3], 1_000_000);
    after.set(before.subarray(1_000_000), 1_000_003);
    const ends = (lengths: readonly number[]) => lengths.map((_, i) => sum(lengths.slice(0, i + 1)));
    const moved = new Set(ends(cuts(after)).map((end) => (end > 1_000_000 ? end - 3 : end)));
    const lost = ends(cuts(before)).filter((end) => !moved.has(end));
    expect(lost.length).toBeLessThanOrEqual(6);
  });

  it("lengths stay between 32 KiB and 128 KiB, on average near 64 KiB", () => {
    const lengths = cuts(seededRandom(17).bytes(8_000_000)).slice(0, -1);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(32_768);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(131_072);
    expect(sum(lengths) / lengths.length).toBeGreaterThan(58_000);
    expect(sum(lengths) / lengths.length).toBeLessThan(78_000);
  });
});
