import { expect, it } from "vitest";
import { readMutations } from "./mutate.ts";

it("PCCRC-55: a million mutated blobs give a value or a DecodeError, in bounded memory", () => {
  let values = 0;
  for (let run = 0; run < 10; run++) values += readMutations(100_000, 100 + run).values;
  expect(values).toBeGreaterThan(100_000);
  expect(process.memoryUsage().rss).toBeLessThan(1 << 30);
});
