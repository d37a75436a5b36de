/** What an administrator does with a cache, wherever it is open: in this process, or in the daemon that uses it. */
import {
  type BlockStore,
  type PublicationStore,
  type PublicationUsage,
  type Stores,
  verifyStore,
} from "@branchcache/cache-store";
import { blockCheck } from "./block-check.ts";
import type { OpenStore } from "./open-store.ts";

export type VerifyReport = Awaited<ReturnType<typeof verifyStore>>;

export type VerifyProgress = Pick<VerifyReport, "segments" | "blocks" | "bytes">;

export interface ManagedCache {
  /** For people; of a cache on disks its directories, the main one first. */
  readonly places: readonly string[];
  readonly blocks: Pick<
    BlockStore,
    "usage" | "limits" | "statistics" | "list" | "removeSegment" | "removeAll"
  >;
  /** What only a cache on a disk can do. Throws `BC_USAGE` for one on a cluster. */
  onDisk(): Pick<OpenStore, "set" | "addExtension" | "removeExtension" | "compact" | "moveTo">;
  hashUsage(): Promise<PublicationUsage>;
  /** Gives the number of files whose hashes are forgotten. */
  forgetHashes(): Promise<number>;
  /** How long segments are kept; 0 for no limit. */
  setAge(maxAgeMs: number): Promise<void>;
  /** Reads every block, and drops what is damaged. */
  verify(
    signal: AbortSignal,
    onProgress?: (soFar: VerifyProgress) => void | Promise<void>,
  ): Promise<VerifyReport>;
  close(): Promise<void>;
}

/** `stores`: open in this process. */
export function managedCache(
  stores: Stores,
  places: readonly string[],
  onDisk: ManagedCache["onDisk"],
): ManagedCache {
  const { blocks, secrets, publications } = stores;
  return {
    places,
    blocks,
    onDisk,
    hashUsage: () => publications.usage(),
    forgetHashes: () => forgetHashes(publications),
    setAge: (maxAgeMs) => blocks.setLimits({ maxAgeMs: maxAgeMs === 0 ? undefined : maxAgeMs }),
    verify(signal, onProgress) {
      return verifyStore(blocks, { check: blockCheck(secrets), signal, ...(onProgress && { onProgress }) });
    },
    close: () => stores.close(),
  };
}

async function forgetHashes(publications: PublicationStore): Promise<number> {
  let forgotten = 0;
  for await (const key of publications.keys()) {
    await publications.delete(key);
    forgotten++;
  }
  return forgotten;
}
