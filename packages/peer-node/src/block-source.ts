/** What is given to peers: verified blocks, as they lie in the store. */
import type { BlockStore } from "@branchcache/cache-store";
import type { HeldSegments } from "@branchcache/discovery";
import type { BlockSource } from "@branchcache/retrieval";

export function blockSourceOf(blocks: BlockStore): BlockSource {
  return {
    heldBlocks: (id) => blocks.heldBlocks(id, "verified"),
    async block(id, index) {
      const stored = await blocks.getBlock(id, index);
      if (stored?.trust !== "verified") return undefined;
      return { sealed: stored, nextBlockIndex: stored.nextBlockIndex };
    },
  };
}

/** What discovery answers for: the same blocks. */
export function heldSegmentsOf(blocks: BlockStore): HeldSegments {
  return {
    async holds(ids) {
      const held = await blocks.holds(ids);
      return held.map((entry) =>
        entry && entry.verifiedBlocks > 0 ? { ...entry, heldBlocks: entry.verifiedBlocks } : undefined,
      );
    },
  };
}
