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

export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { cacheDir, cacheSize, hashCacheSize, observer } = options;
  const { limitBytes = cacheSize, limitPercent, maxAgeMs, secretsPath } = options;
  const { publicationLimitBytes = hashCacheSize, publicationLimitPercent } = options;
  try {
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new BranchCacheError(
      "BC_CACHE_PATH",
      `cannot make the cache directory ${cacheDir} (${errorMessage(error)}); name another with cache.data.path or --cache-dir`,
      {
        cause: error,
      },
    );
  }
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
