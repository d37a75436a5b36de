/** Hashes of files: given out only while the file is the same. */
import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import type { Publications } from "@branchcache/content-info";
import { publishFile } from "@branchcache/content-info/node";
import type { PublicationProvider, Resource } from "../../server/publications.ts";
import { fileEtag } from "./file-validator.ts";
import { type KeeperOptions, publicationKeeper } from "./publication-keeper.ts";

/** Hashes the file at this path; stops and rejects when the signal fires. */
export type HashFile = (path: string, signal: AbortSignal) => Promise<Publications>;

/** How files are hashed, and where their hashes are kept. */
export interface FilePublicationsOptions extends KeeperOptions {
  /** Default `publishFile` of content-info, on this thread. */
  readonly hashFile?: HashFile;
  /**
   * A file is hashed only once it has been left alone for this long: within the clock tick of the file system
   * it could change again and keep its time. Default 1,000.
   */
  readonly settleMs?: number;
}

/** Keys are real paths, validators those of `fileEtag`. */
export interface FilePublications extends PublicationProvider, AsyncDisposable {
  /** Stops hashing and waits for what is under way. May be called twice; `await using` does the same. */
  close(): Promise<void>;
}

/**
 * Hashes of files. Each file is hashed in the background when first asked for. Hashes are kept only if the file
 * was the same before and after: size, times and identity; and given out only for the validator they were made
 * under.
 */
export function filePublications(options: FilePublicationsOptions): FilePublications {
  const { hashFile = (path, signal) => publishFile(path, { signal }), clock, settleMs = 1_000 } = options;
  const keeper = publicationKeeper(options, (resource) => resource.key);

  const settle = async (resource: Resource, signal: AbortSignal): Promise<void> => {
    const stats = await lstat(resource.key);
    const ageMs = clock.wallMs() - stats.mtimeMs;
    const waitMs = Math.min(settleMs - ageMs, settleMs);
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  };

  const hash = async (resource: Resource, signal: AbortSignal): Promise<Publications | undefined> => {
    const before = await statAs(resource);
    if (!before) return undefined;
    signal.throwIfAborted();
    const publications = await hashFile(resource.key, signal);
    const after = await statAs(resource);
    // The status-change time also shows a change whose author put the modification time back.
    const same = after?.ctimeNs === before.ctimeNs && after.dev === before.dev;
    return same ? publications : undefined;
  };

  const close = () => keeper.close();
  return {
    lookup: (resource) => keeper.lookup(resource),
    request: (resource) =>
      keeper.request(resource, () => ({
        prepare: (signal) => settle(resource, signal),
        hash: (signal) => hash(resource, signal),
      })),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Undefined if the file is no longer the one that was asked for. */
async function statAs(resource: Resource): Promise<BigIntStats | undefined> {
  const stats = await lstat(resource.key, { bigint: true });
  const same = stats.isFile() && fileEtag(stats) === resource.validator;
  return same && Number(stats.size) === resource.sizeBytes ? stats : undefined;
}
