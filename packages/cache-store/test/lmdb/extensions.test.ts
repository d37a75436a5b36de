import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { recordingObserver } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { collect, openStores } from "../helpers/temporary.ts";

const SEGMENTS = 200;

it("a store on two volumes: both take their share, both are found again, one may go", async () => {
  const [path, extension] = [await temporaryDirectory(), join(await temporaryDirectory(), "more")];
  const limitBytes = 400 * BLOCKS * SEALED_BYTES;
  const { blocks, addExtension, close } = await openStores(path, { limitBytes });
  await blocks.putBlock(segmentOf(1000), 0, sealedBlock(1000, 0));
  await addExtension(extension, { limitBytes });
  await expect(addExtension(extension)).rejects.toMatchObject({ code: "BC_STORE_INVALID" });
  for (let n = 0; n < SEGMENTS; n++)
    for (const index of [0, 1]) await blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
  await blocks.putBlock(segmentOf(1000), 1, sealedBlock(1000, 1));
  await blocks.flush();
  expect((await blocks.usage()).limitBytes).toBe(2 * limitBytes);
  expect(await blocks.heldBlocks(segmentOf(1000).id)).toEqual([0, 1]);
  await close();

  const again = await openStores(path, { limitBytes });
  expect(again.extensions()).toEqual([extension]);
  expect((await collect(again.blocks.ids())).length).toBe(SEGMENTS + 1);
  for (let n = 0; n < SEGMENTS; n++) {
    const block = await again.blocks.getBlock(segmentOf(n).id, 1);
    expect(block && Buffer.compare(block.data, sealedBlock(n, 1).data), `segment ${n}`).toBe(0);
  }
  expect(await again.removeExtension(extension)).toBe(true);
  expect(await again.removeExtension(extension)).toBe(false);
  await expect(access(extension)).rejects.toMatchObject({ code: "ENOENT" });
  const left = (await collect(again.blocks.ids())).length;
  expect(left).toBeGreaterThan(SEGMENTS * 0.35);
  expect(left).toBeLessThan(SEGMENTS * 0.65);
  expect((await again.blocks.usage()).limitBytes).toBe(limitBytes);
});

it("uses no extension whose limit is none", async () => {
  const [path, extension] = [await temporaryDirectory(), join(await temporaryDirectory(), "more")];
  const { blocks, addExtension, extensions } = await openStores(path);
  const { limitBytes } = await blocks.usage();
  await expect(addExtension(extension, { limitPercent: 101 })).rejects.toMatchObject({
    code: "BC_STORE_INVALID",
  });
  expect(extensions()).toEqual([]);
  expect((await blocks.usage()).limitBytes).toBe(limitBytes);
  await addExtension(extension, { limitBytes: 1e8 });
  expect(extensions()).toEqual([extension]);
});

it("serves without an extension that is not there, and says so", async () => {
  const [path, extension] = [await temporaryDirectory(), join(await temporaryDirectory(), "more")];
  const first = await openStores(path);
  await first.addExtension(extension, { limitBytes: 1e8 });
  await first.blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0));
  await first.close();
  await rm(extension, { recursive: true });
  await writeFile(extension, "");
  const observer = recordingObserver();
  const { blocks } = await openStores(path, { observer });
  expect(observer.named("cache.path_unusable").map(({ fields }) => fields["path"])).toEqual([extension]);
  expect(await blocks.putBlock(segmentOf(2), 0, sealedBlock(2, 0))).toBe("stored");
});
