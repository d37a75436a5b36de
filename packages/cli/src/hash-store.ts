/** Where the commands that publish keep hashes: the cache directory, or a cluster that several machines share. */
import { readFile } from "node:fs/promises";
import type { PublicationStore } from "@branchcache/http-encoding/node";
import { BranchCacheError, errorMessage, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { openStore } from "./store.ts";

/** What `cacheDirOption`, `hashCacheSizeOption` and `sharedHashOptions` give. */
export interface HashStoreOptions {
  readonly cacheDir: string;
  readonly hashCacheSize?: number;
  readonly cacheStore: "lmdb" | "redis";
  readonly redisNode?: readonly string[];
  readonly redisUsername?: string;
  readonly redisPasswordFile?: string;
  readonly redisTls: boolean;
  readonly redisPrefix: string;
  readonly redisDeadline: number;
}

export interface HashStore {
  /** For the log. */
  readonly name: string;
  readonly publications: PublicationStore;
  close(): Promise<void>;
}

/** Errors: `BC_USAGE`, `BC_CACHE_PATH`, and those of the store. */
export async function openHashStore(options: HashStoreOptions, observer: Observer): Promise<HashStore> {
  const { cacheDir, hashCacheSize, cacheStore, redisNode: nodes = [], redisUsername, redisTls } = options;
  if (cacheStore === "lmdb") {
    const store = await openStore({
      cacheDir,
      ...(hashCacheSize !== undefined && { hashCacheSize }),
      observer,
    });
    return { name: cacheDir, publications: store.publications, close: () => store.close() };
  }
  if (nodes.length === 0) {
    throw new BranchCacheError("BC_USAGE", "name a node of the cluster: --redis-node host:port");
  }
  const password = await readPassword(options.redisPasswordFile);
  const { openRedisStore } = await import("@branchcache/cache-store/redis");
  const store = await openRedisStore({
    nodes,
    ...(redisUsername !== undefined && { username: redisUsername }),
    ...(password !== undefined && { password }),
    ...(redisTls && { tls: {} }),
    keyPrefix: `${options.redisPrefix}:`,
    deadlineMs: options.redisDeadline,
    clock: systemClock,
    observer,
  });
  return { name: nodes.join(","), publications: store.publications, close: () => store.close() };
}

async function readPassword(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (error) {
    throw new BranchCacheError("BC_USAGE", `cannot read the cluster's password: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
