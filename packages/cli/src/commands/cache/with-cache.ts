/** The cache that a `cache` command is about: through the daemon that uses it, or open in this process. */
import { resolve } from "node:path";
import { type Observer, silentObserver } from "@branchcache/runtime";
import { daemonCache } from "../../cache/cache-methods.ts";
import { type ManagedCache, managedCache } from "../../cache/managed-cache.ts";
import { type CachePlaceOptions, openCache } from "../../cache/open-cache.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { complain } from "../../terminal/output.ts";

export interface CacheOptions extends CachePlaceOptions, ControlOptions {}

/** A damaged store has been set aside and a new one begun; without a word the cache would only look empty. */
const complaints: Observer = {
  ...silentObserver,
  event(_level, name, fields) {
    if (name !== "cache.corrupt" || fields?.["moved"] === undefined) return;
    const { path, reason, moved } = fields;
    complain(`the cache in ${path} was damaged (${reason}); set aside as ${moved}`);
  },
};

/** Through the daemon that uses this cache; where none does, alone. */
export async function withCache(
  options: CacheOptions,
  work: (cache: ManagedCache) => Promise<void>,
): Promise<void> {
  const { cacheDir, cacheStore, controlSocket } = options;
  const cache =
    (cacheStore === "lmdb" ? await daemonCache(resolve(cacheDir), controlSocket) : undefined) ??
    (await openAlone(options));
  try {
    await work(cache);
  } finally {
    await cache.close();
  }
}

async function openAlone(options: CacheOptions): Promise<ManagedCache> {
  const { places, onDisk, ...stores } = await openCache(options, complaints);
  return managedCache(stores, places, onDisk);
}
