/** Opens the cache of a command. */
import { mkdir } from "node:fs/promises";
import { type LmdbStoreOptions, openLmdbStore } from "@branchcache/cache-store/lmdb";
import { errorCode, errorMessage, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { SettingError } from "../config/setting-error.ts";

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
    throw new SettingError("BC_CACHE_PATH", {
      setting: "cache.data.path",
      fault: `cannot make the cache directory ${path} (${errorMessage(cause)})`,
      cure: "name another, here or with --cache-dir",
      cause,
    });
  }
}

/** Errors: `BC_CACHE_PATH`, and those of the store. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { cacheDir, cacheSize, hashCacheSize, observer } = options;
  const { limitBytes = cacheSize, limitPercent, maxAgeMs, secretsPath } = options;
  const { publicationLimitBytes = hashCacheSize, publicationLimitPercent } = options;
  await makeCacheDirectory(cacheDir);
  try {
    return await openLmdbStore({
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
  } catch (error) {
    throw storePathError(error, secretsPath);
  }
}

/** As an error that names the setting, if the store's own names a path that cannot be used. */
export function storePathError(error: unknown, secretsPath: string | undefined): unknown {
  if (errorCode(error) !== "BC_STORE_PATH") return error;
  const path = error instanceof Error && "path" in error ? String(error.path) : "";
  const isSecrets = secretsPath !== undefined && `${path}/`.startsWith(`${secretsPath}/`);
  return new SettingError("BC_CACHE_PATH", {
    setting: isSecrets ? "cache.data.secrets_path" : "cache.data.path",
    fault: errorMessage(error),
    cure: "name another directory, or let the user write there that the daemon runs as",
    cause: error,
  });
}
