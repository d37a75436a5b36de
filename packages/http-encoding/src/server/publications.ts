import type { Publications } from "@branchcache/content-info";

/** One representation of a resource: these bytes and no others. */
export interface Resource {
  /** A file's path, or a URL: whatever names the resource on this server. */
  readonly key: string;
  /** Changes whenever the bytes do. */
  readonly validator: string;
  readonly sizeBytes: number;
}

/** Where a content server finds hashes, and whom it asks to make them. */
export interface PublicationProvider {
  /** Only hashes of exactly this representation; undefined if there are none. */
  lookup(resource: Resource): Promise<Publications | undefined>;
  /** Makes them in the background, once however often asked. Resolves when done or failed; never rejects. */
  request(resource: Resource): Promise<void>;
}
