/** Hashes of whatever has a URL, kept under it, and made of the bytes as they pass. */
import { createPublisher, type HashEngine, type Publications } from "@branchcache/content-info";
import { redactUrl } from "../../redact-url.ts";
import type { PublicationProvider, Resource } from "../../server/publications.ts";
import { type KeeperOptions, publicationKeeper } from "./publication-keeper.ts";
import type { Tee } from "./tee.ts";

/** Hashes content as it comes; stops and rejects when the signal fires. */
export type HashStream = (source: AsyncIterable<Uint8Array>, signal: AbortSignal) => Promise<Publications>;

/** How content that has a URL is hashed, and where its hashes are kept. */
export interface UrlPublicationsOptions extends KeeperOptions {
  /** Hashes on this thread where there is no `hashStream`. */
  readonly engine: HashEngine;
  /** Default: on this thread. */
  readonly hashStream?: HashStream;
}

/** Where the bytes come from. */
export interface ContentSource {
  /** The content as a client downloads it; undefined if that is not to be had. */
  tee(): Tee | undefined;
  /** All of the content, asked for once more. Fails with `BC_CONTENT_CHANGED` where it is another one now. */
  fetch(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** For a gateway, or for `publications` of `withPeerDist` where no files lie behind what is served. */
export interface UrlPublications extends AsyncDisposable {
  /** Hashes of exactly this representation; undefined if there are none. */
  lookup(resource: Resource): Promise<Publications | undefined>;
  /** A provider that hashes from this source. */
  from(source: ContentSource): PublicationProvider;
  /** Stops hashing and waits for what is under way. May be called twice; `await using` does the same. */
  close(): Promise<void>;
}

/**
 * Hashes made of the bytes that pass by on their way to a client, or, where none pass or they are too slow, of
 * bytes fetched once more. Logs name a URL without query and user information.
 */
export function urlPublications(options: UrlPublicationsOptions): UrlPublications {
  const { engine, hashStream = hashHere(engine) } = options;
  const keeper = publicationKeeper(options, (resource) => redactUrl(resource.key));

  const hash = async (tee: Tee | undefined, source: ContentSource, signal: AbortSignal) => {
    if (tee) {
      const onAbort = () => tee.drop("the server was closed");
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        return await hashStream(tee, signal);
      } catch {
        // The client was too slow, too fast or left: content is content, wherever it comes from.
        signal.throwIfAborted();
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    }
    return hashStream(source.fetch(signal), signal);
  };

  const lookup = (resource: Resource) => keeper.lookup(resource);
  const close = () => keeper.close();
  return {
    lookup,
    from: (source) => ({
      lookup,
      request: (resource) =>
        keeper.request(resource, () => {
          // Bytes that pass by do not wait for their turn.
          const tee = keeper.idle ? source.tee() : undefined;
          return { hash: (signal) => hash(tee, source, signal) };
        }),
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function hashHere(engine: HashEngine): HashStream {
  return async (source, signal) => {
    const publisher = createPublisher({ engine });
    for await (const bytes of source) {
      signal.throwIfAborted();
      publisher.update(bytes);
    }
    return publisher.finish();
  };
}
