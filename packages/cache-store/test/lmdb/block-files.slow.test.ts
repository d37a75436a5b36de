import { randomInteger } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { blockFiles, FILE_BYTES, putSegments as put, readAll, sizeOfBlocks } from "../helpers/block-files.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { openStores } from "../helpers/temporary.ts";

describe("block files", () => {
  it("take little more than the limit, whatever is used in whatever order", async () => {
    const path = await temporaryDirectory();
    const random = seededRandom(5);
    const limitBytes = 12 * FILE_BYTES;
    const stores = await openStores(path, { limitBytes });
    let largest = 0;
    for (let round = 0; round < 60; round++) {
      await put(stores, round * 8, round * 8 + 8);
      // What is read stays, wherever it lies: files get holes.
      for (let i = 0; i < 30; i++)
        await stores.blocks.getBlock(segmentOf(randomInteger(random, 0, round * 8)).id, 0);
      largest = Math.max(largest, await sizeOfBlocks(path));
    }
    expect(largest).toBeGreaterThan(limitBytes);
    expect(largest).toBeLessThan(limitBytes + 4 * FILE_BYTES);
    expect((await readAll(stores)).length * BLOCKS * SEALED_BYTES).toBeGreaterThan(limitBytes * 0.7);
  });

  it("shrink with the limit, though what stays lies all over them", async () => {
    const path = await temporaryDirectory();
    const stores = await openStores(path, { limitBytes: 30 * FILE_BYTES });
    await put(stores, 0, 300);
    for (let n = 0; n < 300; n += 3) await stores.blocks.pin(segmentOf(n).id);
    const held = 100 * BLOCKS * SEALED_BYTES;
    await stores.blocks.setLimits({ limitBytes: held });
    expect((await stores.blocks.usage()).bytes).toBe(held);
    expect(await sizeOfBlocks(path)).toBeLessThan(held + 3 * FILE_BYTES);
    expect(await readAll(stores)).toEqual(Array.from({ length: 100 }, (_, i) => 3 * i));
  });

  it("may be moved together and deleted by one process while another reads: it looks again", async () => {
    const path = await temporaryDirectory();
    const limitBytes = 6 * FILE_BYTES;
    const [reader, writer] = [await openStores(path, { limitBytes }), await openStores(path, { limitBytes })];
    for (let n = 0; n < 20; n++) {
      await put(writer, 10 * n, 10 * n + 1);
      await writer.blocks.pin(segmentOf(10 * n).id);
      await put(writer, 10 * n + 1, 10 * n + 10);
    }
    let isDone = false;
    const writing = put(writer, 1000, 1200).finally(() => {
      isDone = true;
    });
    let reads = 0;
    while (!isDone) {
      const [n, index] = [10 * (reads % 20), reads % BLOCKS];
      const block = await reader.blocks.getBlock(segmentOf(n).id, index);
      expect(block && Buffer.compare(block.data, sealedBlock(n, index).data), `segment ${n}`).toBe(0);
      if (reads++ % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    expect((await writer.blocks.statistics()).gone.corrupt.bytes).toBe(0);
    expect(await sizeOfBlocks(path)).toBeLessThan(limitBytes + 4 * FILE_BYTES);
    expect((await blockFiles(path))[0], "even the pinned ones of the first file lie elsewhere").not.toContain(
      "00000001",
    );
  });
});
