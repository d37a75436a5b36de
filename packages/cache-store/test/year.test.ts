import { createMemoryStore } from "@branchcache/cache-store";
import { manualClock, seededRandom } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { liveForAYear } from "./helpers/year.ts";

it("holds through a year of downloads, ages, pins and changing limits, in memory", async () => {
  const clock = manualClock();
  const { blocks } = createMemoryStore({ limitBytes: 1e9, clock });
  const hits = await liveForAYear(blocks, { clock, random: seededRandom(1), reopen: async (same) => same });
  expect(hits).toBeGreaterThan(300);
  expect(clock.pending).toBe(0);
});
