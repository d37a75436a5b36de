import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore, SpannedBlockStore } from "@branchcache/cache-store";
import {
  blockStoreContract,
  type OpenStores,
  publicationStoreContract,
  secretStoreContract,
} from "@branchcache/cache-store/contract";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { describe, expect, it } from "vitest";

const openMemory: OpenStores = (options) => createMemoryStore(options);

const openLmdb: OpenStores = async (options) => {
  const path = await mkdtemp(join(tmpdir(), "cache-store-"));
  const stores = await openLmdbStore({ ...options, path });
  return {
    ...stores,
    close: async () => {
      await stores.close();
      await rm(path, { recursive: true, force: true });
    },
  };
};

/** One part holds all, the other has no room: what is to be kept in order can only be kept by one. */
const openSpanned: OpenStores = async (options) => {
  const [first, second] = [createMemoryStore(options), createMemoryStore({ ...options, limitBytes: 0 })];
  const blocks = new SpannedBlockStore([second.blocks, first.blocks]);
  return {
    ...first,
    blocks,
    close: async () => {
      await blocks.close();
      await Promise.all([first.close(), second.close()]);
    },
  };
};

for (const [name, open] of [
  ["spanned", openSpanned],
  ["memory", openMemory],
  ["lmdb", openLmdb],
] as const) {
  blockStoreContract(name, open, { describe, it, expect });
  secretStoreContract(name, open, { describe, it, expect });
  publicationStoreContract(name, open, { describe, it, expect });
}
