/** The daemon's cache: on a disk of this machine, or on a cluster that several machines share. */
import { join, resolve } from "node:path";
import type { Stores } from "@branchcache/cache-store";
import { BranchCacheError, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { openCluster } from "../cache/hash-store.ts";
import { type ManagedCache, managedCache } from "../cache/managed-cache.ts";
import { makeCacheDirectory, type OpenStore, openStore } from "../cache/open-store.ts";
import type { Settings } from "../config/schema.ts";
import { timedBlocks } from "./timed-blocks.ts";

export interface DaemonStore extends Stores {
  /** Limits and age, as the settings have them now. */
  follow(settings: Settings): Promise<void>;
  extensions(): ReturnType<OpenStore["extensions"]>;
  /** As an administrator handles it. */
  managed(): ManagedCache;
}

/** Errors: `BC_CACHE_PATH`, `BC_PASSWORD_FILE`, and those of the store. */
export async function openDaemonStore(settings: Settings, observer: Observer): Promise<DaemonStore> {
  const store = await (settings.cache.store === "redis"
    ? openShared(settings, observer)
    : openOwn(settings, observer));
  return { ...store, blocks: timedBlocks(store.blocks, systemClock, observer) };
}

async function openOwn(settings: Settings, observer: Observer): Promise<DaemonStore> {
  const { data, extensions } = settings.cache;
  const store = await openStore({
    ...limitsOf(settings),
    cacheDir: data.path,
    ...(data.secrets_path === undefined ? {} : { secretsPath: data.secrets_path }),
    observer,
  });
  for (const { path, max_bytes: limitBytes, max_percent: limitPercent } of extensions) {
    const limit = limitBytes !== undefined ? { limitBytes } : limitPercent !== undefined && { limitPercent };
    // A directory that cannot be opened is left out; the store has reported why.
    await store.ensureExtension(path, limit || {}).catch(() => {});
  }
  return {
    blocks: store.blocks,
    secrets: store.secrets,
    publications: store.publications,
    follow: (now) => store.set(limitsOf(now)),
    extensions: () => store.extensions(),
    managed: () => managedCache(store, [resolve(data.path), ...store.extensions()], () => store),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** Blocks and hashes on the cluster; the secrets of segments stay on this machine. */
async function openShared({ cache }: Settings, observer: Observer): Promise<DaemonStore> {
  const { data, redis, max_age: maxAgeMs } = cache;
  const secretsPath = data.secrets_path ?? join(data.path, "secrets");
  await makeCacheDirectory(data.path);
  const store = await openCluster(
    {
      nodes: redis.nodes,
      username: redis.username,
      passwordFile: redis.password_file,
      tls: redis.tls,
      prefix: redis.prefix,
      deadlineMs: redis.deadline,
      secretsPath,
      maxAgeMs,
    },
    observer,
  );
  return {
    ...store,
    async follow({ cache: { max_age: ageMs } }) {
      if (ageMs !== undefined) await store.blocks.setLimits({ maxAgeMs: ageMs === 0 ? undefined : ageMs });
    },
    extensions: () => [],
    managed: () =>
      managedCache(store, redis.nodes, () => {
        throw new BranchCacheError(
          "BC_USAGE",
          "the cache is on a cluster, whose own servers are set up for this",
        );
      }),
  };
}

/** A limit that is not configured stays as `cache set` has stored it. */
function limitsOf({ cache: { data, hash, max_age: maxAgeMs } }: Settings): Parameters<OpenStore["set"]>[0] {
  return {
    ...(data.max_bytes !== undefined
      ? { limitBytes: data.max_bytes }
      : data.max_percent !== undefined && { limitPercent: data.max_percent }),
    ...(hash.max_bytes !== undefined
      ? { publicationLimitBytes: hash.max_bytes }
      : hash.max_percent !== undefined && { publicationLimitPercent: hash.max_percent }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
  };
}
