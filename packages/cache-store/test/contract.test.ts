import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
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

for (const [name, open] of [
  ["memory", openMemory],
  ["lmdb", openLmdb],
] as const) {
  blockStoreContract(name, open, { describe, it, expect });
  secretStoreContract(name, open, { describe, it, expect });
  publicationStoreContract(name, open, { describe, it, expect });
}
