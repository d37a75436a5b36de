/** Where a content server keeps the hashes of its files. Any store of this shape will do. */
import { setNewest } from "@branchcache/runtime";

/** The hashes of one representation, as a store keeps them. */
export interface StoredPublications {
  /** As in `Resource`: hashes count only for a resource with this validator and size. */
  readonly validator: string;
  readonly sizeBytes: number;
  /** Each by `encodePublication` of content-info, one for each version. */
  readonly publications: readonly Uint8Array[];
  /** Wall time, milliseconds since 1970. */
  readonly createdMs: number;
}

/**
 * A map from a resource's key to its hashes, on disk or in memory. It may forget entries at any time: they are
 * made anew. `publications` of cache-store's stores has this shape.
 */
export interface PublicationStore {
  /** The entry put last under this key; undefined if there is none. */
  get(key: string): Promise<StoredPublications | undefined>;
  /** Keeps the entry in place of an older one under this key. A rejection is reported and costs the entry only. */
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
