/** Where the commands that publish keep hashes: the cache directory, or a cluster that several machines share. */
import { readFile } from "node:fs/promises";
import type { Stores } from "@branchcache/cache-store";
import type { PublicationStore } from "@branchcache/http-encoding/node";
import { BranchCacheError, errorCode, errorMessage, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { SettingError } from "../config/setting-error.ts";
import { openStore, storePathError } from "./open-store.ts";

/** On the command line: a directory, or a cluster. */
export interface StorePlaceOptions {
  readonly cacheDir: string;
  readonly cacheStore: "lmdb" | "redis";
  readonly redisNode?: readonly string[];
  readonly redisUsername?: string;
  readonly redisPasswordFile?: string;
  readonly redisTls: boolean;
  readonly redisPrefix: string;
  readonly redisDeadline: number;
}

/** What `cacheDirOption`, `hashCacheSizeOption` and `sharedHashOptions` give. */
export interface HashStoreOptions extends StorePlaceOptions {
  readonly hashCacheSize?: number;
}

export interface HashStore {
  /** For the log. */
  readonly name: string;
  readonly publications: PublicationStore;
  close(): Promise<void>;
}

/** Errors: `BC_USAGE`, `BC_CACHE_PATH`, and those of the store. */
export async function openHashStore(options: HashStoreOptions, observer: Observer): Promise<HashStore> {
  const { cacheDir, hashCacheSize, cacheStore, redisNode: nodes = [] } = options;
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
  const store = await openCluster(clusterOf(options), observer);
  return { name: nodes.join(","), publications: store.publications, close: () => store.close() };
}

export function clusterOf(options: StorePlaceOptions): ClusterOptions {
  return {
    nodes: options.redisNode ?? [],
    username: options.redisUsername,
    passwordFile: options.redisPasswordFile,
    tls: options.redisTls,
    prefix: options.redisPrefix,
    deadlineMs: options.redisDeadline,
  };
}

export interface ClusterOptions {
  readonly nodes: readonly string[];
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tls: boolean;
  readonly prefix: string;
  readonly deadlineMs: number;
  /** As `RedisStoreOptions` has them. */
  readonly secretsPath?: string;
  readonly maxAgeMs?: number | undefined;
}

/** Errors: `BC_PASSWORD_FILE`, `BC_CACHE_PATH`, and those of the store. */
export async function openCluster(options: ClusterOptions, observer: Observer): Promise<Stores> {
  const { nodes, username, passwordFile, tls, prefix, deadlineMs, secretsPath, maxAgeMs } = options;
  const password = await readPassword(passwordFile);
  const { openRedisStore } = await import("@branchcache/cache-store/redis");
  const opening = openRedisStore({
    nodes,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    ...(secretsPath !== undefined && { secretsPath }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    keyPrefix: `${prefix}:`,
    deadlineMs,
    clock: systemClock,
    observer,
  });
  return opening.catch((error: unknown) => {
    throw clusterError(error, secretsPath);
  });
}

/** As an error that names the setting at fault. */
function clusterError(cause: unknown, secretsPath: string | undefined): unknown {
  if (errorCode(cause) !== "BC_STORE_UNREACHABLE") return storePathError(cause, secretsPath);
  const fault = errorMessage(cause);
  return /WRONGPASS|NOAUTH/.test(fault)
    ? new SettingError("BC_STORE_UNREACHABLE", {
        setting: "cache.redis.password_file",
        fault,
        cure: "give the password that cache.redis.username has there",
        cause,
      })
    : new SettingError("BC_STORE_UNREACHABLE", {
        setting: "cache.redis.nodes",
        fault,
        cure: "see that one of them runs, is reached from here, and speaks TLS if cache.redis.tls says so",
        cause,
      });
}

/** Errors: `BC_PASSWORD_FILE`. */
export async function readPassword(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new SettingError("BC_PASSWORD_FILE", {
      setting: "cache.redis.password_file",
      fault: `${path} cannot be read (${errorMessage(cause)})`,
      cure: "name the file with the cluster's password, and let the daemon's user read it",
      cause,
    });
  }
}
