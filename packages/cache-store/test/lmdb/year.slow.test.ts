import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { manualClock, seededRandom } from "@branchcache/runtime/testing";
import { expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { liveForAYear } from "../helpers/year.ts";

it("holds through a year of downloads, ages, pins and changing limits, opened anew every quarter", async () => {
  const clock = manualClock();
  const path = await temporaryDirectory();
  let stores = await openLmdbStore({ path, clock });
  onTestFinished(() => stores.close());
  const reopen = async () => {
    await stores.close();
    stores = await openLmdbStore({ path, clock });
    return stores.blocks;
  };
  const hits = await liveForAYear(stores.blocks, { clock, random: seededRandom(2), reopen });
  expect(hits).toBeGreaterThan(300);
  expect(clock.pending).toBe(0);
});
