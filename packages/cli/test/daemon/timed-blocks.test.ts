import { createMemoryStore } from "@branchcache/cache-store";
import type { SegmentId } from "@branchcache/content-info";
import { type Observer, silentObserver } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { timedBlocks } from "../../src/daemon/timed-blocks.ts";

it("each access to a block is timed, by reads and writes, in seconds", async () => {
  const clock = manualClock();
  const measured: (readonly [string, number, string | undefined])[] = [];
  const observer: Observer = {
    ...silentObserver,
    measure: (metric, value, labels) => measured.push([metric, value, labels?.["op"]]),
  };
  const store = createMemoryStore({ limitBytes: 1_000_000, clock });
  const slow = {
    ...store.blocks,
    putBlock: async (...args: Parameters<typeof store.blocks.putBlock>) => {
      await clock.advance(20);
      return store.blocks.putBlock(...args);
    },
    getBlock: async (...args: Parameters<typeof store.blocks.getBlock>) => {
      await clock.advance(5);
      return store.blocks.getBlock(...args);
    },
    withBlock: store.blocks.withBlock.bind(store.blocks),
  };
  const blocks = timedBlocks(slow as typeof store.blocks, clock, observer);
  const id = new Uint8Array(32).fill(1) as SegmentId;
  const segment = {
    id,
    cipher: 1,
    lengthBytes: 10,
    blockSizeBytes: 65_536,
    tags: [],
    trust: "blind",
  } as const;
  const block = { cipher: 1, iv: new Uint8Array(16), data: new Uint8Array(16) } as const;
  expect(await blocks.putBlock(segment, 0, block)).toBe("stored");
  expect(await blocks.getBlock(id, 0)).toMatchObject({ trust: "blind" });
  expect(await blocks.withBlock(id, 0, ({ data }) => data.length)).toBe(16);
  expect(measured).toEqual([
    ["cache_access_seconds", 0.02, "write"],
    ["cache_access_seconds", 0.005, "read"],
    ["cache_access_seconds", 0, "read"],
  ]);
  await store.close();
});
