import { open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { recordingObserver, seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { blockFiles, FILE_BYTES, putSegments as put, readAll, sizeOfBlocks } from "../helpers/block-files.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { startWriter } from "../helpers/processes.ts";
import { collect, openStores } from "../helpers/temporary.ts";

const SMALL = { limitBytes: 32 * FILE_BYTES };
const SEGMENTS_A_FILE = 15;

describe("block files", () => {
  it("go as soon as nothing in them is held", async () => {
    const path = await temporaryDirectory();
    const stores = await openStores(path, SMALL);
    await put(stores, 0, 4 * SEGMENTS_A_FILE);
    const before = (await blockFiles(path)).length;
    expect(before).toBeGreaterThanOrEqual(4);
    for (let n = 0; n < 2 * SEGMENTS_A_FILE + 4; n++) await stores.blocks.removeSegment(segmentOf(n).id);
    await stores.blocks.flush();
    expect((await blockFiles(path)).length).toBe(before - 2);
    await stores.blocks.removeAll();
    await stores.close();
    expect(await blockFiles(path)).toEqual([]);
  });

  it("are gone on with by the next process, so that short lives leave no trail", async () => {
    const path = await temporaryDirectory();
    for (let n = 0; n < 5; n++) {
      const stores = await openStores(path);
      await put(stores, n, n + 1);
      await stores.close();
    }
    expect(await blockFiles(path)).toHaveLength(1);
    expect(await readAll(await openStores(path))).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("what a killed process leaves", () => {
  it("is cut off where it was not committed, taken over, and deleted where nothing names it", async () => {
    const path = await temporaryDirectory();
    const writer = startWriter([path, 1e8, 0, "forever"], (line, { process }) => {
      if (line === "flushed 31") process.kill("SIGKILL");
    });
    expect(await writer.ended).toBe("SIGKILL");
    const [file = ""] = await blockFiles(path);
    await writeFile(file, new Uint8Array(50_000), { flag: "a" });
    await writeFile(join(path, "blocks", "00bada55.blocks"), "of a commit that never came");
    await writeFile(join(path, "blocks", "note.txt"), "somebody's");
    const stores = await openStores(path);
    const held = await readAll(stores);
    expect(held.slice(0, 32)).toEqual(Array.from({ length: 32 }, (_, n) => n));
    const names = (await blockFiles(path)).map((name) => name.slice(-15));
    expect(names).not.toContain("00bada55.blocks");
    expect((await readdir(join(path, "blocks"))).includes("note.txt")).toBe(true);
    await rm(join(path, "blocks", "note.txt"));
    const frames = 48 + 8;
    expect(await sizeOfBlocks(path)).toBeLessThanOrEqual(
      (held.length + 8) * BLOCKS * (SEALED_BYTES + frames),
    );
    await stores.blocks.removeAll();
    await stores.close();
    expect(await blockFiles(path), "nobody owns what nobody writes to").toEqual([]);
  });

  it("is left alone as long as the process lives", async () => {
    const path = await temporaryDirectory();
    const first = await openStores(path);
    await put(first, 0, 4);
    const second = await openStores(path);
    await second.blocks.removeAll();
    await put(second, 10, 12);
    expect(await blockFiles(path)).toHaveLength(2);
    await put(first, 4, 6);
    expect(await readAll(second)).toEqual([4, 5, 10, 11]);
  });
});

describe("damage", () => {
  it.each([
    ["is not there", (file: string) => rm(file)],
    [
      "is full of noise",
      async (file: string) => writeFile(file, seededRandom(3).bytes((await stat(file)).size)),
    ],
  ])(
    "of a file that %s: its blocks are dropped when they are read, others are served",
    async (_what, damage) => {
      const path = await temporaryDirectory();
      const first = await openStores(path, SMALL);
      await put(first, 0, 2 * SEGMENTS_A_FILE);
      await first.close();
      const [file = ""] = await blockFiles(path);
      await damage(file);
      const observer = recordingObserver();
      const stores = await openStores(path, { observer });
      const held = await readAll(stores);
      expect(held.length).toBeGreaterThan(10);
      expect(held.length).toBeLessThan(20);
      await stores.blocks.flush();
      expect(await readAll(stores)).toEqual(held);
      expect(observer.total("cache_evictions_total", { reason: "corrupt" })).toBeGreaterThan(40);
      const bytes = (await collect(stores.blocks.list())).reduce((sum, segment) => sum + segment.bytes, 0);
      expect((await stores.blocks.usage()).bytes).toBe(bytes);
      await put(stores, 0, 2 * SEGMENTS_A_FILE);
      expect(await readAll(stores)).toHaveLength(2 * SEGMENTS_A_FILE);
    },
  );

  it("does not spread when blocks are moved together: what is whole is found by the index", async () => {
    const path = await temporaryDirectory();
    const first = await openStores(path);
    await put(first, 0, 12);
    for (const n of [0, 3, 4]) await first.blocks.removeSegment(segmentOf(n).id);
    await first.close();
    const [file = ""] = await blockFiles(path);
    const content = await readFile(file);
    const handle = await open(file, "r+");
    const at = (n: number, index: number) => content.indexOf(sealedBlock(n, index).data.subarray(0, 64));
    // What stands before a block of the first segment that is left, and a block of the last one.
    await handle.write(new Uint8Array(12), 0, 12, at(1, 0) - 24 - 36 - 12);
    await handle.write(Uint8Array.of(0xaa), 0, 1, at(11, 2) + 1000);
    await handle.close();
    const stores = await openStores(path);
    await stores.compact();
    expect((await readAll(stores)).length).toBe(9);
    expect(await stores.blocks.heldBlocks(segmentOf(1).id)).toEqual([0, 1, 2, 3]);
    expect(await stores.blocks.heldBlocks(segmentOf(11).id)).toEqual([0, 1, 3]);
    expect((await stores.blocks.statistics()).gone.corrupt.bytes).toBe(SEALED_BYTES);
    expect(await sizeOfBlocks(path)).toBeLessThan(36 * (SEALED_BYTES + 100));
  });
});
