import { readdir } from "node:fs/promises";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { collect } from "../helpers/temporary.ts";

const LIMIT_BYTES = 3500;
const entryOf = (bytes: number) => ({
  validator: "v",
  sizeBytes: 9,
  publications: [new Uint8Array(bytes)],
  createdMs: 1,
});

async function openSmall(path: string) {
  const stores = await openLmdbStore({ path, publicationLimitBytes: LIMIT_BYTES, clock: manualClock() });
  onTestFinished(() => stores.close());
  return stores;
}

describe("publications on LMDB", () => {
  it("go when there is no room for all, the least recently used first", async () => {
    const { publications } = await openSmall(await temporaryDirectory());
    for (const key of ["/1", "/2", "/3"]) await publications.put(key, entryOf(1000));
    await publications.get("/1");
    await publications.put("/4", entryOf(1000));
    expect((await collect(publications.keys())).sort()).toEqual(["/1", "/3", "/4"]);
    const { bytes, entries, limitBytes } = await publications.usage();
    expect([entries, limitBytes]).toEqual([3, LIMIT_BYTES]);
    expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
  });

  it("are refused where one alone is more than all may be; that says nothing against the file", async () => {
    const path = await temporaryDirectory();
    const { publications, close } = await openSmall(path);
    await publications.put("/1", entryOf(1000));
    await expect(publications.put("/2", entryOf(LIMIT_BYTES))).rejects.toMatchObject({
      code: "BC_STORE_FULL",
      path,
    });
    expect(await collect(publications.keys())).toEqual(["/1"]);
    await close();
    // A marker that stays has the pages looked at when the store is opened again.
    expect((await readdir(path)).filter((name) => name.startsWith("open-by-"))).toEqual([]);
  });
});
