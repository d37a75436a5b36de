import fc from "fast-check";
import { expect, it } from "vitest";
import { toRanges } from "../../src/index.ts";

it("PCCRR-40 ranges are sorted, merged, and cover just the indexes", () => {
  expect(toRanges([11, 0, 1, 1, 12, 20])).toEqual([
    { index: 0, count: 2 },
    { index: 11, count: 2 },
    { index: 20, count: 1 },
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(511)), (indexes) => {
      const ranges = toRanges(indexes);
      const covered = ranges.flatMap(({ count, index }) =>
        Array.from({ length: count }, (_, i) => index + i),
      );
      expect(covered).toEqual([...new Set(indexes)].sort((a, b) => a - b));
      for (const [i, { index }] of ranges.entries()) {
        const before = ranges[i - 1];
        if (before) expect(index).toBeGreaterThan(before.index + before.count);
      }
    }),
  );
});
