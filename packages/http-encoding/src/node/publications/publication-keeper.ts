/** Hashes of whatever can be named: made in the background, once however often asked, and kept in a store. */
import { decodePublication, encodePublication, type Publications } from "@branchcache/content-info";
import { type Clock, errorCode, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import type { Resource } from "../../server/publications.ts";
import type { PublicationStore } from "./publication-store.ts";
import { recentPublications } from "./recent-publications.ts";

/** How hashes are made and kept: the store, and bounds of the work in the background. */
export interface KeeperOptions {
  readonly store: PublicationStore;
  readonly clock: Clock;
  /** Receives `hash_generations_total`, `hash_seconds`, `publish.done` and `publish.failed`. Default: nobody. */
  readonly observer?: Observer;
  /** Contents hashed at a time. Default 1. */
  readonly concurrency?: number;
  /** Contents waiting to be hashed; further requests are refused. Default 10,000. */
  readonly maxWaiting?: number;
  /**
   * A content is not hashed again before, be it that it failed or that a client wants a version which nobody
   * makes here. Default 60,000.
   */
  readonly retryAfterMs?: number;
  /** Decoded publications kept in memory. Default 64 MiB. */
  readonly memoryBytes?: number;
}

interface HashingWork {
  /** Before the work takes its turn. */
  readonly prepare?: (signal: AbortSignal) => Promise<void>;
  /** Undefined if the content is no longer the one that was asked for. */
  readonly hash: (signal: AbortSignal) => Promise<Publications | undefined>;
}

export interface PublicationKeeper {
  /** Whether work would start at once. */
  readonly idle: boolean;
  lookup(resource: Resource): Promise<Publications | undefined>;
  /**
   * Resolves when done or failed; never rejects. `work` is not called where the content is being hashed
   * already, or was a short while ago.
   */
  request(resource: Resource, work: () => HashingWork): Promise<void>;
  /** Stops hashing and waits for what is under way. May be called twice. */
  close(): Promise<void>;
}

/** `nameOf`: the resource as logs may show it. */
export function publicationKeeper(
  options: KeeperOptions,
  nameOf: (resource: Resource) => string,
): PublicationKeeper {
  const {
    store,
    clock,
    observer = silentObserver,
    concurrency = 1,
    maxWaiting = 10_000,
    retryAfterMs = 60_000,
    memoryBytes = 64 * 1_048_576,
  } = options;
  const closing = new AbortController();
  const jobs = new Map<string, Promise<void>>();
  const attempts = new Map<string, number>();
  /** By key: the job asked for last, while it runs. */
  const latest = new Map<string, string>();
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

  const hash = async (resource: Resource, work: HashingWork): Promise<void> => {
    closing.signal.throwIfAborted();
    const startedMs = clock.monotonicMs();
    const publications = await work.hash(closing.signal);
    const made = [publications?.v1, publications?.v2].filter((publication) => publication !== undefined);
    if (!publications || made.some((publication) => publication.lengthBytes !== resource.sizeBytes)) return;
    // The content changed meanwhile, and its new hashes may be there already.
    if (latest.get(resource.key) !== idOf(resource)) return;
    // Good for this process, whatever becomes of the store.
    recent.set(resource, publications);
    await store.put(resource.key, {
      validator: resource.validator,
      sizeBytes: resource.sizeBytes,
      publications: made.map((publication) => encodePublication(publication)),
      createdMs: clock.wallMs(),
    });
    attempts.set(idOf(resource), clock.monotonicMs());
    for (const { version } of made) {
      observer.count("hash_generations_total", 1, { version: String(version), result: "ok" });
      observer.measure("hash_seconds", (clock.monotonicMs() - startedMs) / 1_000, {
        version: String(version),
      });
    }
    observer.event("info", "publish.done", { path: nameOf(resource), sizeBytes: resource.sizeBytes });
  };

  const run = async (resource: Resource, work: HashingWork): Promise<void> => {
    try {
      if (work.prepare) await work.prepare(closing.signal);
      await acquire();
      try {
        await hash(resource, work);
      } finally {
        release();
      }
    } catch (error) {
      if (closing.signal.aborted) return;
      // Whoever asks for the content as it is now will have it hashed.
      if (errorCode(error) === "BC_CONTENT_CHANGED") return;
      attempts.set(idOf(resource), clock.monotonicMs());
      observer.count("hash_generations_total", 1, { version: "any", result: errorCode(error) ?? "failed" });
      observer.event("warn", "publish.failed", { path: nameOf(resource), reason: errorMessage(error) });
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
    get idle() {
      return active < concurrency;
    },
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
    request(resource, work) {
      const id = idOf(resource);
      const running = jobs.get(id);
      if (running !== undefined) return running;
      if (!mayTry(id)) return Promise.resolve();
      latest.set(resource.key, id);
      const job = run(resource, work()).finally(() => {
        jobs.delete(id);
        if (latest.get(resource.key) === id) latest.delete(resource.key);
      });
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
