import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { type Random, randomInteger } from "@branchcache/runtime";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { expect } from "vitest";
import { BLOCKS, SEALED_BYTES, sealedBlock } from "./content.mjs";
import { highest, startWriter } from "./processes.ts";
import { collect } from "./temporary.ts";

/**
 * Kills a writer after a random number of lines and looks at what it left: all that it had flushed, every
 * block whole, and the sums right. Gives the number of segments it had told of.
 */
export async function killRound(path: string, round: number, random: Random): Promise<number> {
  const first = round * 100_000;
  const killAt = randomInteger(random, 1, 60);
  // Small enough that later rounds evict what earlier ones left.
  const limitBytes = 200 * BLOCKS * SEALED_BYTES;
  const writer = startWriter([path, limitBytes, first, "forever"], (_line, { lines, process }) => {
    if (lines.length === killAt) process.kill("SIGKILL");
  });
  expect(await writer.ended).toBe("SIGKILL");

  const observer = recordingObserver();
  const stores = await openLmdbStore({ path, limitBytes, observer, clock: manualClock() });
  expect(observer.named("cache.corrupt")).toEqual([]);
  let bytes = 0;
  const held = new Set<number>();
  for (const id of await collect(stores.blocks.ids())) {
    const n = new DataView(id.buffer).getUint32(28);
    held.add(n);
    for (const index of (await stores.blocks.heldBlocks(id)) ?? []) {
      const block = await stores.blocks.getBlock(id, index);
      expect(block && Buffer.compare(block.data, sealedBlock(n, index).data), `block ${index} of ${n}`).toBe(
        0,
      );
      bytes += SEALED_BYTES;
    }
  }
  expect((await stores.blocks.usage()).bytes).toBe(bytes);
  const put = highest(writer, "put");
  const lastFlushed = highest(writer, "flushed");
  const stillWithinLimit = Math.max(first, put - 150);
  for (let n = stillWithinLimit; n <= lastFlushed; n++)
    expect(held.has(n), `segment ${n} was flushed`).toBe(true);
  await stores.close();
  return put < first ? 0 : put - first + 1;
}
