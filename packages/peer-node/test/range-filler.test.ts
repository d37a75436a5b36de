import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteRanges, withoutRange, withRange } from "../src/download/byte-ranges.ts";
import { RangeFiller } from "../src/download/range-filler.ts";

const MIB = 1024 * 1024;
const range = (startBytes: number, endBytes: number) => ({ startBytes, endBytes });

describe("ranges of bytes", () => {
  it("are what a set of bytes would be, in as few ranges as there can be", () => {
    const step = fc.record({ add: fc.boolean(), at: fc.nat(40), length: fc.nat(12) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const expected = new Set<number>();
        let ranges: ByteRanges = [];
        for (const { add, at, length } of steps) {
          for (let i = at; i < at + length; i++) add ? expected.add(i) : expected.delete(i);
          ranges = (add ? withRange : withoutRange)(ranges, range(at, at + length));
        }
        const found = ranges.flatMap(({ startBytes, endBytes }) =>
          Array.from({ length: endBytes - startBytes }, (_, i) => startBytes + i),
        );
        expect(found).toEqual([...expected].sort((a, b) => a - b));
        for (const [i, one] of ranges.entries())
          expect(one.startBytes).toBeGreaterThan(ranges[i - 1]?.endBytes ?? -1);
      }),
    );
  });
});

/** Fills when told to. */
function filler() {
  const asked: string[] = [];
  const open: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  let failures = 0;
  const it = new RangeFiller({
    // Blocks of three.
    wholeUntil: (_, endBytes) => Math.ceil(endBytes / (3 * MIB)) * 3 * MIB,
    fill: ({ startBytes, endBytes }, signal) =>
      new Promise((resolve, reject) => {
        asked.push(`${startBytes / MIB}-${endBytes / MIB}`);
        signal.addEventListener("abort", () => reject(signal.reason));
        open.push({ resolve, reject });
      }),
    onFailure: () => failures++,
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    it,
    asked,
    open,
    turn,
    get failures() {
      return failures;
    },
    async done() {
      open.shift()?.resolve();
      await turn();
    },
  };
}

describe("filling from the origin", () => {
  it("asks for neighbours at once, for one range at a time, and the earliest first", async () => {
    const { it, asked, done, turn } = filler();
    it.note(range(80 * MIB, 84 * MIB));
    it.note(range(84 * MIB, 90 * MIB));
    await turn();
    it.note(range(40 * MIB, 50 * MIB));
    it.note(range(20 * MIB, 30 * MIB));
    expect(asked).toEqual(["80-90"]);
    await done();
    await done();
    await done();
    expect(asked).toEqual(["80-90", "20-30", "40-50"]);
    await it.settled();
  });

  it("leaves what is small until its turn has come", async () => {
    const { it, asked, done, turn } = filler();
    it.note(range(MIB, 2 * MIB));
    await turn();
    expect(asked).toEqual([]);
    it.need(range(MIB, 2 * MIB));
    await turn();
    await done();
    expect(asked).toEqual(["1-2"]);
  });

  it("asks for nothing twice, and for little more than 64 MiB at once, in whole blocks", async () => {
    const { it, asked, done, turn } = filler();
    it.note(range(0, 100 * MIB));
    await turn();
    it.need(range(0, 120 * MIB));
    await done();
    await done();
    it.need(range(0, 120 * MIB));
    await turn();
    expect(asked).toEqual(["0-66", "66-120"]);
    await it.settled();
  });

  it("tells of a failure once, and asks no more", async () => {
    const filling = filler();
    filling.it.need(range(0, MIB));
    await filling.turn();
    filling.open[0]?.reject(new Error("gone"));
    await expect(filling.it.settled()).rejects.toThrow("gone");
    filling.it.need(range(MIB, 2 * MIB));
    await filling.turn();
    expect([filling.asked, filling.failures]).toEqual([["0-1"], 1]);
  });

  it("stops what is under way, and starts nothing afterwards", async () => {
    const filling = filler();
    filling.it.need(range(0, MIB));
    await filling.turn();
    await filling.it.stop();
    filling.it.need(range(MIB, 2 * MIB));
    await filling.turn();
    expect([filling.asked, filling.failures]).toEqual([["0-1"], 0]);
  });
});
