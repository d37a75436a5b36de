import type { Publications } from "@branchcache/content-info";
import type { Resource } from "../../server/publications.ts";

interface Entry {
  readonly validator: string;
  readonly publications: Publications;
  readonly sizeBytes: number;
}

export interface RecentPublications {
  get(resource: Resource): Publications | undefined;
  set(resource: Resource, publications: Publications): void;
}

/** The decoded publications used last, about `limitBytes` of them. */
export function recentPublications(limitBytes: number): RecentPublications {
  const entries = new Map<string, Entry>();
  let totalBytes = 0;

  const drop = (key: string): void => {
    const entry = entries.get(key);
    if (!entry) return;
    totalBytes -= entry.sizeBytes;
    entries.delete(key);
  };

  return {
    get(resource) {
      const entry = entries.get(resource.key);
      if (entry?.validator !== resource.validator) return undefined;
      entries.delete(resource.key);
      entries.set(resource.key, entry);
      return entry.publications;
    },
    set(resource, publications) {
      drop(resource.key);
      // Hashes and lengths come to about this much for each 64 KiB, both versions together.
      const sizeBytes = 1_024 + Math.ceil(resource.sizeBytes / 65_536) * 80;
      entries.set(resource.key, { validator: resource.validator, publications, sizeBytes });
      totalBytes += sizeBytes;
      for (const oldest of entries.keys()) {
        if (totalBytes <= limitBytes || entries.size === 1) break;
        drop(oldest);
      }
    },
  };
}
