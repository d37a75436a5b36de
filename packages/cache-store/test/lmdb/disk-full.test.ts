import { join } from "node:path";
import { recordingObserver } from "@branchcache/runtime/testing";
import { expect, it, vi } from "vitest";
import { requirement } from "../../../../test/support/requires.ts";
import { BLOCK_BYTES, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { openStores, smallFileSystem } from "../helpers/temporary.ts";

const tmpfs = requirement("tmpfs");

it.skipIf(!tmpfs.ok)(
  "evicts when the disk is full before the limit is reached, and goes on serving",
  async () => {
    const mounted = await smallFileSystem(12);
    // The library says on its own account that a commit failed.
    vi.spyOn(console, "error").mockImplementation(() => {});
    const observer = recordingObserver();
    const path = join(mounted, "cache");
    const { blocks, publications, close } = await openStores(path, { observer, limitBytes: 1e9 });
    const results = new Set<string>();
    const count = 250;
    for (let n = 0; n < count; n++) {
      for (const index of [0, 1, 2, 3])
        results.add(await blocks.putBlock(segmentOf(n), index, sealedBlock(n, index)));
    }
    await blocks.flush();
    expect(observer.named("cache.full").map(({ fields }) => fields["reason"])).toContain("disk");
    expect(observer.total("cache_evictions_total", { reason: "size" })).toBeGreaterThan(0);
    let held = 0;
    for (let n = 0; n < count; n++) {
      for (const index of (await blocks.heldBlocks(segmentOf(n).id)) ?? []) {
        const block = await blocks.getBlock(segmentOf(n).id, index);
        expect(block && Buffer.compare(block.data, sealedBlock(n, index).data)).toBe(0);
        held++;
      }
    }
    expect(held).toBeGreaterThan(50);

    const huge = { validator: "v", sizeBytes: 1, publications: [new Uint8Array(15_000_000)], createdMs: 1 };
    await expect(publications.put("/huge", huge)).rejects.toMatchObject({ code: "BC_STORE_FULL", path });
    expect(await publications.get("/huge")).toBeUndefined();
    const { bytes: mostBytes } = await blocks.usage();
    // What it saves of the reads above may need room, and something evicted for it.
    await close();

    const reopened = await openStores(path, { limitBytes: 1e9 });
    const { bytes, segments } = await reopened.blocks.usage();
    expect(bytes).toBeLessThanOrEqual(mostBytes);
    expect({ bytes, ...segments }).toEqual({
      bytes: observer.last("cache_bytes", { cache: "data" }),
      complete: observer.last("cache_segments", { state: "complete" }),
      partial: observer.last("cache_segments", { state: "partial" }),
    });
    let heldBytes = 0;
    for await (const id of reopened.blocks.ids()) {
      for (const index of (await reopened.blocks.heldBlocks(id)) ?? [])
        if (await reopened.blocks.getBlock(id, index)) heldBytes += SEALED_BYTES;
    }
    expect(heldBytes).toBe(bytes);
  },
);

it.skipIf(!tmpfs.ok)(
  "says full when what fills the disk is pinned, loses nothing, and takes more once it is gone",
  async () => {
    const mounted = await smallFileSystem(8);
    vi.spyOn(console, "error").mockImplementation(() => {});
    const observer = recordingObserver();
    const { blocks } = await openStores(join(mounted, "cache"), { observer, limitBytes: 1e9 });
    const large = { ...segmentOf(1), lengthBytes: 1000 * BLOCK_BYTES };
    await blocks.putBlock(large, 0, sealedBlock(1, 0));
    await blocks.pin(large.id);
    for (let index = 1; index < 1000; index++) await blocks.putBlock(large, index, sealedBlock(1, index));
    await blocks.flush();
    const held = (await blocks.heldBlocks(large.id)) ?? [];
    const missing = Array.from({ length: 1000 }, (_, index) => index).findLast(
      (index) => !held.includes(index),
    );
    expect(await blocks.putBlock(large, missing ?? 0, sealedBlock(1, missing ?? 0))).toBe("full");
    expect(observer.named("cache.full").map(({ fields }) => fields["reason"])).toContain("disk");

    expect(held.length).toBeGreaterThan(100);
    expect((await blocks.usage()).bytes).toBe(held.length * SEALED_BYTES);
    for (const index of held) {
      const block = await blocks.getBlock(large.id, index);
      expect(block && Buffer.compare(block.data, sealedBlock(1, index).data), `block ${index}`).toBe(0);
    }

    expect(await blocks.removeSegment(large.id)).toBe(true);
    for (let n = 2; n < 20; n++) {
      expect(await blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0))).toBe("stored");
      await blocks.flush();
      const block = await blocks.getBlock(segmentOf(n).id, 0);
      expect(block && Buffer.compare(block.data, sealedBlock(n, 0).data), `segment ${n}`).toBe(0);
    }
  },
);
