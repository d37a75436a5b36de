/** Content of a web server hashed before anybody asks for it, kept as a gateway before that server names it. */
import { errorCode, errorMessage } from "@branchcache/runtime";
import type { Dispatcher } from "undici";
import { readAnswer } from "../../server/decision.ts";
import { type UrlPublicationsOptions, urlPublications } from "../publications/url-publications.ts";
import { undici } from "../undici.ts";
import { fetchContent } from "./content-fetch.ts";
import { strongValidator } from "./kept-heads.ts";
import { openUpstream } from "./upstream.ts";

/** Whom to ask for the content, and where its hashes are kept: the store has to be the gateway's. */
export interface UrlPublisherOptions extends UrlPublicationsOptions {
  /** As for the gateway. Default: each URL's own server. */
  readonly origin?: string;
  /** Sent with each request, such as credentials. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The caller's own, who closes it. Default: an Agent. */
  readonly dispatcher?: Dispatcher;
}

/**
 * How publishing one URL ended: its content was `hashed`, or its hashes were there before (`unchanged`), or
 * neither. `reason` is text for people, or an error code.
 */
export type PublishedUrl =
  | { readonly kind: "hashed" | "unchanged"; readonly sizeBytes: number }
  | { readonly kind: "failed"; readonly reason: string };

/** Hashes contents of web servers ahead of their first client. */
export interface UrlPublisher extends AsyncDisposable {
  /** `url`: http or https, as clients ask the gateway for it. Rejects with the signal's reason only. */
  publish(url: URL, signal?: AbortSignal): Promise<PublishedUrl>;
  /** Stops what is under way. May be called twice; `await using` does the same. */
  close(): Promise<void>;
}

/**
 * Asks with HEAD for length and validator, then, unless hashes of this very representation are kept, with GET for
 * the content, which is hashed as it comes and not stored. Keys and validators are the gateway's.
 */
export function urlPublisher(options: UrlPublisherOptions): UrlPublisher {
  const { clock, headers = {} } = options;
  const dispatcher = options.dispatcher ?? new (undici().Agent)();
  const publications = urlPublications(options);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= publications.close().then(() => (options.dispatcher ? undefined : dispatcher.destroy()));
    return closed;
  };

  const publish = async (url: URL, signal: AbortSignal): Promise<PublishedUrl> => {
    const origin = new URL(options.origin ?? url.origin);
    const host = origin.protocol === "https:" ? origin.host : url.host;
    const path = `${origin.pathname.replace(/\/$/, "")}${url.pathname}${url.search}`;
    const fields = ["Host", host, "Accept-Encoding", "identity", ...Object.entries(headers).flat()];
    const request = { origin: origin.origin, path, fields };
    const head = await openUpstream(dispatcher, { ...request, method: "HEAD", body: null, signal });
    head.drop();
    const reading = readAnswer(head, clock.wallMs());
    if (reading.kind === "not-codable") return failed(WHY[reading.reason] ?? `status ${head.status}`);
    const validator = strongValidator(head.headers, clock.wallMs());
    if (validator === undefined) return failed(WHY["no-validator"] ?? "");
    const { sizeBytes } = reading.answer;
    const resource = { key: `${origin.protocol}//${host}${path}`, validator, sizeBytes };
    if (await publications.lookup(resource)) return { kind: "unchanged", sizeBytes };
    const source = {
      tee: () => undefined,
      fetch: (closing: AbortSignal) =>
        fetchContent(dispatcher, request, resource, clock.wallMs(), AbortSignal.any([closing, signal])),
    };
    await publications.from(source).request(resource);
    signal.throwIfAborted();
    const isHashed = (await publications.lookup(resource)) !== undefined;
    return isHashed ? { kind: "hashed", sizeBytes } : failed("the content changed or broke off");
  };

  return {
    async publish(url, signal = new AbortController().signal) {
      try {
        return await publish(url, signal);
      } catch (error) {
        signal.throwIfAborted();
        return failed(errorCode(error) ?? errorMessage(error));
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const failed = (reason: string): PublishedUrl => ({ kind: "failed", reason });

const WHY: Readonly<Record<string, string>> = {
  coded: "the server compresses it",
  empty: "it is empty",
  "unknown-length": "the server does not say its length",
  "no-validator": "it has neither a strong ETag nor a settled Last-Modified",
};
