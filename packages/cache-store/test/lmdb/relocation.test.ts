import { access, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "@branchcache/runtime";
import { recordingObserver } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { requirement } from "../../../../test/support/requires.ts";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { sizeOfBlocks } from "../helpers/block-files.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { startWriter } from "../helpers/processes.ts";
import { openStores, smallFileSystem } from "../helpers/temporary.ts";

const tmpfs = requirement("tmpfs");
const SEGMENTS = 60;

async function filled(path: string, observer = recordingObserver()) {
  const stores = await openStores(path, { observer });
  for (let n = 0; n < SEGMENTS; n++) {
    for (let index = 0; index < BLOCKS; index++)
      await stores.blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
  }
  await stores.secrets.put(segmentOf(1).id, new Uint8Array(32).fill(7));
  await stores.publications.put("/a", { validator: "v", sizeBytes: 1, publications: [], createdMs: 1 });
  await stores.blocks.flush();
  return stores;
}

/** Of index and block files. */
async function sizeOf(path: string): Promise<number> {
  return (await sizeOfBlocks(path)) + (await stat(join(path, "data.mdb"))).size;
}

describe("a store that is served", () => {
  it("is compacted: free pages go back to the disk, reads go on, puts are not stored meanwhile", async () => {
    const path = await temporaryDirectory();
    const observer = recordingObserver();
    const { blocks, secrets, publications, compact, close } = await filled(path, observer);
    for (let n = 10; n < SEGMENTS; n++) await blocks.removeSegment(segmentOf(n).id);
    let done = false;
    let reads = 0;
    const compaction = compact().finally(() => {
      done = true;
    });
    const results = new Set<string>();
    while (!done) {
      const n = reads++ % 10;
      const block = await blocks.getBlock(segmentOf(n).id, n % BLOCKS);
      expect(block && Buffer.compare(block.data, sealedBlock(n, n % BLOCKS).data)).toBe(0);
      expect((await publications.get("/a"))?.validator).toBe("v");
      results.add(await blocks.putBlock(segmentOf(500), 0, sealedBlock(500, 0)));
      if (reads % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect([...results]).toContain("full");
    const { beforeBytes, afterBytes } = await compaction;
    expect(afterBytes).toBeLessThan(beforeBytes / 3);
    expect(await sizeOf(path)).toBe(afterBytes);
    expect(afterBytes, "what is held, and the index").toBeLessThan(10 * BLOCKS * SEALED_BYTES + 100_000);
    expect(observer.named("cache.compacted")).toHaveLength(1);
    expect(await blocks.putBlock(segmentOf(501), 0, sealedBlock(501, 0))).toBe("stored");
    expect(await secrets.get(segmentOf(1).id)).toEqual(new Uint8Array(32).fill(7));
    const usage = await blocks.usage();
    await close();
    const again = await openStores(path);
    expect(await again.blocks.usage()).toEqual(usage);
    expect((await again.blocks.getBlock(segmentOf(501).id, 0))?.data).toEqual(sealedBlock(501, 0).data);
  });

  it("is moved with its secrets, and leaves nothing behind", async () => {
    const [path, target] = [join(await temporaryDirectory(), "old"), join(await temporaryDirectory(), "new")];
    const { blocks, secrets, moveTo, close } = await filled(path);
    const before = await blocks.usage();
    await moveTo(target);
    await expect(access(path)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await blocks.usage()).toEqual(before);
    expect(await secrets.get(segmentOf(1).id)).toEqual(new Uint8Array(32).fill(7));
    expect(((await stat(join(target, "secrets", "data.mdb"))).mode & 0o777).toString(8)).toBe("600");
    expect(await blocks.putBlock(segmentOf(99), 0, sealedBlock(99, 0))).toBe("stored");
    await close();
    const again = await openStores(target);
    expect((await again.blocks.getBlock(segmentOf(99).id, 0))?.data).toEqual(sealedBlock(99, 0).data);
    await expect(again.moveTo(target)).rejects.toMatchObject({ code: "BC_STORE_PATH" });
  });

  it.skipIf(!tmpfs.ok)("is moved to another volume, where its files are copied", async () => {
    const path = join(await temporaryDirectory(), "old");
    const target = join(await smallFileSystem(60), "new");
    const { blocks, secrets, publications, moveTo } = await filled(path);
    const before = await blocks.usage();
    expect((await stat(path)).dev).not.toBe((await stat(join(target, ".."))).dev);
    await moveTo(target);
    await expect(access(path)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await blocks.usage()).toEqual(before);
    for (let n = 0; n < SEGMENTS; n++) {
      const block = await blocks.getBlock(segmentOf(n).id, n % BLOCKS);
      expect(block && Buffer.compare(block.data, sealedBlock(n, n % BLOCKS).data), `segment ${n}`).toBe(0);
    }
    expect(await secrets.get(segmentOf(1).id)).toEqual(new Uint8Array(32).fill(7));
    expect((await publications.get("/a"))?.validator).toBe("v");
    expect(await blocks.putBlock(segmentOf(99), 0, sealedBlock(99, 0))).toBe("stored");
    await blocks.flush();
    expect((await blocks.getBlock(segmentOf(99).id, 0))?.data).toEqual(sealedBlock(99, 0).data);
  });

  it.skipIf(!tmpfs.ok)("stays where it is, whole, where the other volume has too little room", async () => {
    const path = join(await temporaryDirectory(), "old");
    const target = join(await smallFileSystem(3), "new");
    const { blocks, moveTo } = await filled(path);
    const usage = await blocks.usage();
    await expect(moveTo(target)).rejects.toMatchObject({
      code: "BC_STORE_PATH",
      message: expect.stringContaining("no space left"),
    });
    expect(await readdir(target), "of the blocks nothing is left behind").not.toContain("blocks");
    expect(await blocks.usage()).toEqual(usage);
    expect(await blocks.putBlock(segmentOf(99), 0, sealedBlock(99, 0))).toBe("stored");
    for (const n of [0, SEGMENTS - 1, 99]) {
      const block = await blocks.getBlock(segmentOf(n).id, 0);
      expect(block && Buffer.compare(block.data, sealedBlock(n, 0).data), `segment ${n}`).toBe(0);
    }
  });

  it("is left where it is while the same process has it open once more", async () => {
    const path = await temporaryDirectory();
    const { blocks, compact, moveTo } = await filled(path);
    const other = await openStores(path);
    for (const work of [() => compact(), () => moveTo(join(path, "elsewhere")), () => other.compact()])
      await expect(work()).rejects.toMatchObject({
        code: "BC_STORE_BUSY",
        message: `${path}: open in this process once more`,
      });
    await other.blocks.putBlock(segmentOf(99), 0, sealedBlock(99, 0));
    await other.close();
    expect((await compact()).afterBytes).toBeGreaterThan(0);
    expect((await blocks.getBlock(segmentOf(99).id, 0))?.data).toEqual(sealedBlock(99, 0).data);
  });

  it("is left where it is while another process has it open", async () => {
    const path = await temporaryDirectory();
    const { compact, moveTo } = await filled(path);
    const busy: unknown[] = [];
    const tryBoth = async () => {
      const target = join(path, "elsewhere");
      for (const work of [() => compact(), () => moveTo(target)])
        busy.push(await work().then(() => "done", errorCode));
    };
    const writer = startWriter([path, 1e8, 1000, "forever"], (line, { process }) => {
      if (line === "flushed 1007") void tryBoth().finally(() => process.kill());
    });
    await writer.ended;
    expect(busy).toEqual(["BC_STORE_BUSY", "BC_STORE_BUSY"]);
    expect((await compact()).afterBytes).toBeGreaterThan(0);
  });
});
