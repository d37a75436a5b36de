/** Opens the cache of a command, with a limit that fits its disk. */
import { mkdir, statfs } from "node:fs/promises";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { BranchCacheError, errorMessage, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

export interface StoreOptions {
  readonly cacheDir: string;
  /** Bytes; default 5 % of the volume. */
  readonly cacheSize?: number;
  readonly observer: Observer;
}

export type OpenStore = Awaited<ReturnType<typeof openLmdbStore>>;

export async function openStore({ cacheDir, cacheSize, observer }: StoreOptions): Promise<OpenStore> {
  try {
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new BranchCacheError(
      "BC_CACHE_PATH",
      `cannot make the cache directory ${cacheDir}: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
  return openLmdbStore({
    path: cacheDir,
    limitBytes: cacheSize ?? (await shareOfVolume(cacheDir)),
    clock: systemClock,
    observer,
  });
}

async function shareOfVolume(path: string): Promise<number> {
  const volume = await statfs(path);
  return Math.floor((volume.bsize * volume.blocks * DEFAULT_PERCENT) / 100);
}

const DEFAULT_PERCENT = 5;
