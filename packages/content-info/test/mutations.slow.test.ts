import { expect, it } from "vitest";
import { slowRuns } from "../../../test/support/slow.ts";
import { readMutations } from "./mutate.ts";

it("PCCRC-55: a million mutated blobs give a value or a DecodeError, in bounded memory", () => {
  let values = 0;
  const runs = slowRuns(10);
  for (let run = 0; run < runs; run++) values += readMutations(100_000, 100 + run).values;
  expect(values).toBeGreaterThan(10_000 * runs);
  expect(process.memoryUsage().rss).toBeLessThan(1 << 30);
});
