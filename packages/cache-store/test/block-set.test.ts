import fc from "fast-check";
import { expect, it } from "vitest";
import { BlockSet } from "../src/store/block-set.ts";

it("does as a set of numbers does", () => {
  const change = fc.record({ add: fc.boolean(), index: fc.integer({ min: 0, max: 39 }) });
  fc.assert(
    fc.property(fc.integer({ min: 40, max: 70 }), fc.array(change), (totalBlocks, changes) => {
      const set = new BlockSet(totalBlocks);
      const model = new Set<number>();
      for (const { add, index } of changes) {
        if (add) set.add(index);
        else set.delete(index);
        if (add) model.add(index);
        else model.delete(index);
      }
      const sorted = [...model].sort((a, b) => a - b);
      expect(set.size).toBe(model.size);
      expect(set.indexes()).toEqual(sorted);
      for (let index = 0; index < totalBlocks; index++) {
        expect(set.has(index)).toBe(model.has(index));
        expect(set.after(index)).toBe(sorted.find((other) => other > index) ?? 0);
      }
      expect(new BlockSet(totalBlocks, set.bits.slice()).size).toBe(model.size);
    }),
  );
});
