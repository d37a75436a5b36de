/** Stores blocks as they arrive, straight from the connection's buffer, and not only when their reader comes to them. */
import type { FetchBlocksOptions, FetchedBlock } from "@branchcache/retrieval";
import type { SegmentVault } from "./segment-vault.ts";

export interface KeepOnArrival {
  /** For `fetchBlocks`, over what else it is told. */
  readonly fetch: Pick<FetchBlocksOptions, "onBlock" | "keepSealed">;
  /** Resolves when the store is ready for more, so that a reader does not run away from a slow disk. */
  kept(block: FetchedBlock): Promise<"kept" | "not-kept">;
}

export function keepOnArrival(vault: SegmentVault, tags: readonly string[] = []): KeepOnArrival {
  /** By the plaintext, which is the same object later on. */
  const keeping = new WeakMap<Uint8Array, Promise<"kept" | "not-kept">>();
  return {
    fetch: {
      // The store copies what it keeps: nobody needs the ciphertext any longer than that.
      keepSealed: false,
      onBlock: ({ segment, blockIndex, bytes, sealed }) => {
        keeping.set(bytes, vault.keep(segment, blockIndex, bytes, sealed, tags));
      },
    },
    kept: async ({ bytes }) => (await keeping.get(bytes)) ?? "not-kept",
  };
}
