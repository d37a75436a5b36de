/** Hashes of files: made in the background, kept in a store, given out only while the file is the same. */
import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import { decodePublication, encodePublication, type Publications } from "@branchcache/content-info";
import { publishFile } from "@branchcache/content-info/node";
import { type Clock, errorCode, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import type { PublicationProvider, Resource } from "../server/publications.ts";
import { fileEtag } from "./file-validator.ts";
import type { PublicationStore } from "./publication-store.ts";
import { recentPublications } from "./recent-publications.ts";

/** Hashes the file at this path; stops and rejects when the signal fires. */
export type HashFile = (path: string, signal: AbortSignal) => Promise<Publications>;

export interface FilePublicationsOptions {
  readonly store: PublicationStore;
  /** Default `publishFile` of content-info, on this thread. */
  readonly hashFile?: HashFile;
  readonly clock: Clock;
  readonly observer?: Observer;
  /** Files hashed at a time. Default 1. */
  readonly concurrency?: number;
  /** Files waiting to be hashed; further requests are refused. Default 10,000. */
  readonly maxWaiting?: number;
  /**
   * A file is hashed only once it has been left alone for this long: within the clock tick of the file system
   * it could change again and keep its time. Default 1,000.
   */
  readonly settleMs?: number;
  /**
   * A file is not hashed again before, be it that it failed or that a client wants a version which
   * `hashFile` does not make. Default 60,000.
   */
  readonly retryAfterMs?: number;
  /** Decoded publications kept in memory. Default 64 MiB. */
  readonly memoryBytes?: number;
}

/** Keys are real paths, validators those of `fileEtag`. */
export interface FilePublications extends PublicationProvider {
  /** Stops hashing and waits for what is under way. May be called twice. */
  close(): Promise<void>;
}

export function filePublications(options: FilePublicationsOptions): FilePublications {
  const {
    store,
    hashFile = (path, signal) => publishFile(path, { signal }),
    clock,
    observer = silentObserver,
    concurrency = 1,
    maxWaiting = 10_000,
    settleMs = 1_000,
    retryAfterMs = 60_000,
    memoryBytes = 64 * 1_048_576,
  } = options;
  const closing = new AbortController();
  const jobs = new Map<string, Promise<void>>();
  const attempts = new Map<string, number>();
  const recent = recentPublications(memoryBytes);
  const waiting: (() => void)[] = [];
  let active = 0;

  const acquire = async (): Promise<void> => {
    if (active < concurrency) active++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const release = (): void => {
    const next = waiting.shift();
    if (next) next();
    else active--;
  };

  /** Undefined if the file is no longer the one that was asked for. */
  const statAs = async (resource: Resource): Promise<BigIntStats | undefined> => {
    const stats = await lstat(resource.key, { bigint: true });
    const same = stats.isFile() && fileEtag(stats) === resource.validator;
    return same && Number(stats.size) === resource.sizeBytes ? stats : undefined;
  };

  const hash = async (resource: Resource): Promise<void> => {
    const before = await statAs(resource);
    if (!before) return;
    closing.signal.throwIfAborted();
    const startedMs = clock.monotonicMs();
    const publications = await hashFile(resource.key, closing.signal);
    const after = await statAs(resource);
    // The status-change time also shows a change whose author put the modification time back.
    if (!after || after.ctimeNs !== before.ctimeNs || after.dev !== before.dev) return;
    const made = [publications.v1, publications.v2].filter((publication) => publication !== undefined);
    if (made.some((publication) => publication.lengthBytes !== resource.sizeBytes)) return;
    await store.put(resource.key, {
      validator: resource.validator,
      sizeBytes: resource.sizeBytes,
      publications: made.map((publication) => encodePublication(publication)),
      createdMs: clock.wallMs(),
    });
    recent.set(resource, publications);
    attempts.set(idOf(resource), clock.monotonicMs());
    for (const { version } of made) {
      observer.count("hash_generations_total", 1, { version: String(version), result: "ok" });
      observer.measure("hash_seconds", (clock.monotonicMs() - startedMs) / 1_000, {
        version: String(version),
      });
    }
    observer.event("info", "publish.done", { path: resource.key, sizeBytes: resource.sizeBytes });
  };

  const settle = async (resource: Resource): Promise<void> => {
    const stats = await lstat(resource.key);
    const ageMs = clock.wallMs() - stats.mtimeMs;
    const waitMs = Math.min(settleMs - ageMs, settleMs);
    if (waitMs > 0) await clock.sleep(waitMs, closing.signal);
  };

  const run = async (resource: Resource): Promise<void> => {
    try {
      await settle(resource);
      await acquire();
      try {
        await hash(resource);
      } finally {
        release();
      }
    } catch (error) {
      if (closing.signal.aborted) return;
      // Whoever asks for the file as it is now will have it hashed.
      if (errorCode(error) === "BC_CONTENT_CHANGED") return;
      attempts.set(idOf(resource), clock.monotonicMs());
      observer.count("hash_generations_total", 1, { version: "any", result: errorCode(error) ?? "failed" });
      observer.event("warn", "publish.failed", { path: resource.key, reason: errorMessage(error) });
    }
  };

  const mayTry = (id: string): boolean => {
    for (const [tried, atMs] of attempts) {
      if (clock.monotonicMs() - atMs < retryAfterMs) break;
      attempts.delete(tried);
    }
    return !attempts.has(id) && jobs.size < maxWaiting && !closing.signal.aborted;
  };

  return {
    async lookup(resource) {
      const known = recent.get(resource);
      if (known) return known;
      const entry = await store.get(resource.key);
      if (entry?.validator !== resource.validator || entry.sizeBytes !== resource.sizeBytes) return undefined;
      const publications: { -readonly [Version in keyof Publications]: Publications[Version] } = {};
      for (const bytes of entry.publications) {
        const publication = decodePublication(bytes);
        publications[publication.version === 2 ? "v2" : "v1"] = publication;
      }
      recent.set(resource, publications);
      return publications;
    },
    request(resource) {
      const id = idOf(resource);
      const running = jobs.get(id);
      if (running !== undefined) return running;
      if (!mayTry(id)) return Promise.resolve();
      const job = run(resource).finally(() => jobs.delete(id));
      jobs.set(id, job);
      return job;
    },
    async close() {
      closing.abort(new DOMException("the content server was closed", "AbortError"));
      await Promise.allSettled(jobs.values());
    },
  };
}

function idOf(resource: Resource): string {
  return `${resource.validator} ${resource.key}`;
}
