import { expect, it } from "vitest";
import { readMutations } from "./mutate.ts";

it("PCCRC-55: 1,000 mutated blobs give a value or a DecodeError", () => {
  const { values, faults } = readMutations(1_000, 1);
  // Both must occur often, or the mutations would be too wild or too tame to find anything.
  expect(values).toBeGreaterThan(100);
  expect(faults).toBeGreaterThan(100);
});
