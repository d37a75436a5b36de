import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createMemoryStore, type VerifyReport, verifyStore } from "@branchcache/cache-store";
import { manualClock } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "./helpers/content.mjs";
import { openStores } from "./helpers/temporary.ts";

it("drops what fails its hash, checks no more than can be told, and counts as no use", async () => {
  const { blocks } = createMemoryStore({ limitBytes: 1e8, clock: manualClock() });
  for (const n of [1, 2, 3])
    for (let index = 0; index < BLOCKS; index++)
      await blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
  const progress: VerifyReport[] = [];
  const report = await verifyStore(blocks, {
    check: ({ id }, index) => (id[31] === 1 ? undefined : !(id[31] === 2 && index === 1)),
    onProgress: (soFar) => void progress.push({ ...soFar }),
  });
  expect(report).toEqual({
    segments: 3,
    blocks: 3 * BLOCKS,
    bytes: 3 * BLOCKS * SEALED_BYTES,
    hashed: 2 * BLOCKS,
    damaged: [{ id: segmentOf(2).id, index: 1, by: "hash" }],
  });
  expect(progress.length).toBeGreaterThan(0);
  expect(await blocks.heldBlocks(segmentOf(2).id)).toEqual([0, 2, 3]);
  expect((await blocks.statistics()).hits).toBe(0);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(verifyStore(blocks, { signal })).rejects.toThrow("enough");
});

it("finds what was overwritten on the disk, and what was whole stays", async () => {
  const path = await temporaryDirectory();
  const first = await openStores(path);
  for (let index = 0; index < BLOCKS; index++)
    await first.blocks.putBlock(segmentOf(1), index, sealedBlock(1, index));
  await first.blocks.putBlock(segmentOf(2), 0, sealedBlock(2, 0));
  await first.close();
  const file = await open(join(path, "blocks", "00000001.blocks"), "r+");
  const bytes = await readFile(join(path, "blocks", "00000001.blocks"));
  for (const [n, index] of [
    [1, 2],
    [2, 0],
  ] as const) {
    const at = bytes.indexOf(sealedBlock(n, index).data.subarray(0, 16));
    await file.write(Uint8Array.of(0x55), 0, 1, at + 9000);
  }
  await file.close();
  const { blocks } = await openStores(path);
  const report = await verifyStore(blocks);
  expect(report.damaged).toEqual([
    { id: segmentOf(1).id, index: 2, by: "checksum" },
    { id: segmentOf(2).id, index: 0, by: "checksum" },
  ]);
  expect(report.blocks).toBe(BLOCKS - 1);
  expect((await blocks.statistics()).gone.corrupt).toEqual({ segments: 1, bytes: 2 * SEALED_BYTES });
});
