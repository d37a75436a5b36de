/** Opens the cache that the configuration names: on a disk of this machine, or on a cluster. */
import { join } from "node:path";
import type { Stores } from "@branchcache/cache-store";
import { BranchCacheError, type Observer } from "@branchcache/runtime";
import { clusterOf, openCluster, type StorePlaceOptions } from "./hash-store.ts";
import { type OpenStore, openStore } from "./open-store.ts";

/** What `cachePlaceOptions` gives. */
export interface CachePlaceOptions extends StorePlaceOptions {
  readonly secretsPath?: string;
  /** Most that it may hold; of a cluster its servers say that. */
  readonly cacheSize?: number;
}

export interface OpenCache extends Stores {
  /** For people. */
  readonly places: readonly string[];
  /** What only a cache on a disk can do. Throws `BC_USAGE` for one on a cluster. */
  onDisk(): OpenStore;
}

/** Errors: `BC_USAGE`, `BC_CACHE_PATH`, and those of the store. */
export async function openCache(options: CachePlaceOptions, observer: Observer): Promise<OpenCache> {
  const { cacheDir, secretsPath, cacheStore, cacheSize, redisNode: nodes = [] } = options;
  if (cacheStore === "lmdb") {
    const store = await openStore({
      cacheDir,
      ...(secretsPath !== undefined && { secretsPath }),
      ...(cacheSize !== undefined && { cacheSize }),
      observer,
    });
    return { ...store, places: [cacheDir, ...store.extensions()], onDisk: () => store };
  }
  if (nodes.length === 0) {
    throw new BranchCacheError(
      "BC_USAGE",
      "the cache is on a cluster of which no node is named: cache.redis.nodes",
    );
  }
  const store = await openCluster(
    { ...clusterOf(options), secretsPath: secretsPath ?? join(cacheDir, "secrets") },
    observer,
  );
  return {
    ...store,
    places: nodes,
    onDisk() {
      throw new BranchCacheError(
        "BC_USAGE",
        `the cache is on the cluster ${nodes.join(", ")}, whose own servers are set up for this`,
      );
    },
  };
}
