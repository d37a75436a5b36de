/** Where a content server keeps the hashes of its files. Any store of this shape will do. */
import { setNewest } from "@branchcache/runtime";

export interface StoredPublications {
  readonly validator: string;
  readonly sizeBytes: number;
  /** Encoded, one for each version. */
  readonly publications: readonly Uint8Array[];
  /** Wall time. */
  readonly createdMs: number;
}

export interface PublicationStore {
  get(key: string): Promise<StoredPublications | undefined>;
  put(key: string, entry: StoredPublications): Promise<void>;
}

/** Keeps the newest `maxEntries` in memory. Default 10,000. */
export function memoryPublicationStore(maxEntries = 10_000): PublicationStore {
  const entries = new Map<string, StoredPublications>();
  return {
    get: async (key) => entries.get(key),
    async put(key, entry) {
      setNewest(entries, key, entry, maxEntries);
    },
  };
}
