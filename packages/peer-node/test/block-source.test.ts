import type { NewSegment } from "@branchcache/cache-store";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock as clock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { blockSourceOf, hostedSourceOf } from "../src/block-source.ts";

it("PCCRR-123 a block leaves with the initialization vector it was sealed with, however many are read meanwhile", async () => {
  const directory = await temporaryDirectory();
  const random = seededRandom(5);
  const segment: NewSegment = {
    id: random.bytes(32),
    cipher: 1,
    lengthBytes: 8 * 65_536,
    blockSizeBytes: 65_536,
    tags: [],
    trust: "verified",
  };
  const sealed = Array.from({ length: 8 }, () => ({
    cipher: 1 as const,
    iv: random.bytes(16),
    data: random.bytes(65_552),
  }));
  const first = await openLmdbStore({ path: directory, limitBytes: 2 ** 24, clock });
  for (const [index, block] of sealed.entries()) await first.blocks.putBlock(segment, index, block);
  await first.close();
  // From the disk: what was put lately is still in memory.
  const store = await openLmdbStore({ path: directory, limitBytes: 2 ** 24, clock });
  for (const source of [blockSourceOf(store.blocks), hostedSourceOf(store.blocks, clock)]) {
    const found = await Promise.all(sealed.map((_, index) => source.block(segment.id, index, 1)));
    for (const [index, block] of sealed.entries()) {
      expect([...(found[index]?.sealed.iv ?? [])], `block ${index}`).toEqual([...block.iv]);
      expect(Buffer.from(block.data).equals(found[index]?.sealed.data ?? Buffer.alloc(0))).toEqual(true);
    }
  }
  await store.close();
});
