/** The store on a cluster that speaks the Redis protocol: blocks and publications there, secrets never. */
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { SegmentId } from "@branchcache/content-info";
import { type Clock, type Observer, silentObserver } from "@branchcache/runtime";
import type { SecretStore, Stores } from "./block-store.ts";
import { StoreError } from "./errors.ts";
import { MemorySecretStore } from "./memory/secrets.ts";
import { RedisBlockStore } from "./redis/block-store.ts";
import { Connection } from "./redis/connection.ts";
import { Keyspace } from "./redis/keyspace.ts";
import { RedisPublicationStore } from "./redis/publications.ts";
import { AgeSetting } from "./redis/settings.ts";

export { StoreError, type StoreErrorCode } from "./errors.ts";

/** The cluster, how it is reached, and what of the store stays on this machine. Times are in milliseconds. */
export interface RedisStoreOptions {
  /** Some nodes of the cluster, as `host:port` or `[address]:port`; the others are learned from them. */
  readonly nodes: readonly string[];
  /** Of the engine's access control list. Default: its default user. */
  readonly username?: string;
  /** Of that user, or of the default one. Default: none is sent. */
  readonly password?: string;
  /** Where the cluster speaks TLS: certificates and keys, in PEM; `{}` for those that the system trusts. */
  readonly tls?: Pick<TlsOptions, "ca" | "cert" | "key" | "servername">;
  /** Of all keys, so that several caches may share a cluster. Default `branchcache:`. */
  readonly keyPrefix?: string;
  /** After so long an answer is a miss. Default 500. */
  readonly deadlineMs?: number;
  /** How many replicas of each master have a block once `flush` resolves. Default 1 if the cluster has any, else 0. */
  readonly replicas?: number;
  /** Since creation; 0 for no limit. Default what `setLimits` has kept in the cluster, else 28 days. */
  readonly maxAgeMs?: number;
  /** Times answers, and tells segments their age. */
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** A directory for the segment secrets, on this machine: an LMDB environment, mode 0700, files 0600. Default: memory. */
  readonly secretsPath?: string;
}

/**
 * Connects. Several processes and machines may use one cluster. The limit in bytes is the engine's `maxmemory`, with policy
 * `volatile-lru` (or another `volatile-*`): segments without pins have a time to live and may be evicted, pinned ones have none.
 *
 * Throws `BC_STORE_UNREACHABLE` with what the last node said, and `BC_STORE_INVALID`; for secrets as `openLmdbStore`.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<Stores> {
  const { clock, observer = silentObserver, deadlineMs = 500, username, password, tls, maxAgeMs } = options;
  const keys = new Keyspace(options.keyPrefix ?? "branchcache:");
  if (options.nodes.length === 0) throw new StoreError("BC_STORE_INVALID", "no node of the cluster is named");
  if (!(deadlineMs >= 1)) throw new StoreError("BC_STORE_INVALID", `a deadline of ${deadlineMs} ms`);
  const { replicas } = options;
  if (replicas !== undefined && !(Number.isInteger(replicas) && replicas >= 0)) {
    throw new StoreError("BC_STORE_INVALID", `${replicas} replicas`);
  }
  const connection = await Connection.open({
    nodes: options.nodes.map(parseNode),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
    deadlineMs,
    clock,
    observer,
  });
  try {
    const age = new AgeSetting(connection, keys, clock, maxAgeMs);
    await age.refresh();
    const secrets = await openSecrets(options);
    const blocks = new RedisBlockStore({
      connection,
      keys,
      age,
      ...(replicas !== undefined && { replicas }),
      clock,
      observer,
      onRemoved: (id: SegmentId) => secrets.delete(id),
    });
    const publications = new RedisPublicationStore(connection, keys);
    const close = async (): Promise<void> => {
      publications.shut();
      await blocks.close();
      await secrets.close();
      connection.close();
    };
    return { blocks, secrets, publications, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function openSecrets({ secretsPath, clock, observer }: RedisStoreOptions): Promise<SecretStore> {
  if (secretsPath === undefined) return new MemorySecretStore();
  const { openLmdbSecrets } = await import("./lmdb.ts");
  return openLmdbSecrets({ path: secretsPath, clock, ...(observer && { observer }) });
}

/** Throws `BC_STORE_INVALID`. */
function parseNode(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([\da-f:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/i.exec(text);
  const [, address, name, digits] = match ?? [];
  const [host, port] = [address ?? name, Number(digits)];
  if (host === undefined || port < 1 || port > 65_535) {
    throw new StoreError("BC_STORE_INVALID", `"${text}" is no node: host:port is wanted`);
  }
  return { host, port };
}
