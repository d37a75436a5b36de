/** What the retrieval server serves: verified blocks, as they lie in the store. */
import type { BlockStore } from "@branchcache/cache-store";
import type { BlockSource } from "@branchcache/retrieval";

export function blockSourceOf(blocks: BlockStore): BlockSource {
  return {
    async heldBlocks(id) {
      const record = await blocks.segment(id);
      return record?.trust === "verified" ? blocks.heldBlocks(id) : undefined;
    },
    async block(id, index) {
      const stored = await blocks.getBlock(id, index);
      if (stored?.trust !== "verified") return undefined;
      return { sealed: stored, nextBlockIndex: stored.nextBlockIndex };
    },
  };
}
