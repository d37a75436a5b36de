import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Stores } from "@branchcache/cache-store";
import { BLOCKS, sealedBlock, segmentOf } from "./content.mjs";
import { collect } from "./temporary.ts";

/** The least that a block file holds, for limits up to 64 of them. */
export const FILE_BYTES = 2 ** 20;

type Opened = Pick<Stores, "blocks">;

/** All blocks of the segments, and flushes. */
export async function putSegments({ blocks }: Opened, first: number, end: number): Promise<void> {
  for (let n = first; n < end; n++)
    for (let index = 0; index < BLOCKS; index++)
      await blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
  await blocks.flush();
}

/** Numbers of those held; each block that there is must be right. */
export async function readAll({ blocks }: Opened): Promise<number[]> {
  const held: number[] = [];
  for (const id of await collect(blocks.ids())) {
    const n = new DataView(id.buffer).getUint32(28);
    for (const index of (await blocks.heldBlocks(id)) ?? []) {
      const block = await blocks.getBlock(id, index);
      if (block && Buffer.compare(block.data, sealedBlock(n, index).data) !== 0)
        throw new Error(`block ${index} of ${n}`);
      if (block) held.push(n);
    }
  }
  return [...new Set(held)].sort((a, b) => a - b);
}

export async function blockFiles(path: string): Promise<string[]> {
  return (await readdir(join(path, "blocks"))).sort().map((name) => join(path, "blocks", name));
}

export async function sizeOfBlocks(path: string): Promise<number> {
  const sizes = await Promise.all((await blockFiles(path)).map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
