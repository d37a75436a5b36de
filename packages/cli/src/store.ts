/** Opens the cache of a command. */
import { mkdir } from "node:fs/promises";
import { type LmdbStoreOptions, openLmdbStore } from "@branchcache/cache-store/lmdb";
import { BranchCacheError, errorMessage, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

export interface StoreOptions
  extends Pick<
    LmdbStoreOptions,
    | "limitBytes"
    | "limitPercent"
    | "maxAgeMs"
    | "publicationLimitBytes"
    | "publicationLimitPercent"
    | "secretsPath"
  > {
  readonly cacheDir: string;
  /** As `limitBytes`: bytes; default what `cache set` has kept, else 5 % of the volume. */
  readonly cacheSize?: number;
  /** Of hashes, bytes; default likewise, else 1 % of the volume. */
  readonly hashCacheSize?: number;
  readonly observer: Observer;
}

export type OpenStore = Awaited<ReturnType<typeof openLmdbStore>>;

/** Errors: `BC_CACHE_PATH`. */
export async function makeCacheDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const message = `cannot make the cache directory ${path} (${errorMessage(cause)}); name another with cache.data.path or --cache-dir`;
    throw new BranchCacheError("BC_CACHE_PATH", message, { cause });
  }
}

/** Errors: `BC_CACHE_PATH`, and those of the store. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { cacheDir, cacheSize, hashCacheSize, observer } = options;
  const { limitBytes = cacheSize, limitPercent, maxAgeMs, secretsPath } = options;
  const { publicationLimitBytes = hashCacheSize, publicationLimitPercent } = options;
  await makeCacheDirectory(cacheDir);
  return openLmdbStore({
    path: cacheDir,
    ...(limitBytes !== undefined && { limitBytes }),
    ...(limitPercent !== undefined && { limitPercent }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(publicationLimitBytes !== undefined && { publicationLimitBytes }),
    ...(publicationLimitPercent !== undefined && { publicationLimitPercent }),
    ...(secretsPath !== undefined && { secretsPath }),
    clock: systemClock,
    observer,
  });
}
