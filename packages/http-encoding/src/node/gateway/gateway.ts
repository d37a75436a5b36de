/**
 * A content server in front of any web server. [MS-PCCRTP] 3.2
 * Each request goes to the origin, whose answer alone decides who may have the content, and so its hashes.
 */
import { BranchCacheError, silentObserver } from "@branchcache/runtime";
import type { Dispatcher, Pool } from "undici";
import { type CodingOptions, codingJudge } from "../coding-verdict.ts";
import type { RequestHandler } from "../content-server.ts";
import type { ForwardedMode } from "../forward-fields.ts";
import { type UrlPublicationsOptions, urlPublications } from "../publications/url-publications.ts";
import { refuse } from "../refuse.ts";
import { type ResourceFilterOptions, resourceFilter } from "../resource-filter.ts";
import { undici } from "../undici.ts";
import { keptHeads } from "./kept-heads.ts";
import { Passage, type PassageContext } from "./passage.ts";
import { targetOf } from "./target.ts";

/** Where the web server is, how it is asked, and what the coding needs. Times are in milliseconds. [MS-PCCRTP] 3.2 */
export interface GatewayOptions extends CodingOptions, ResourceFilterOptions, UrlPublicationsOptions {
  /** http or https URL of the web server; a path is put before every request's own. */
  readonly origin: string;
  /** The caller's own, who closes it. Default: a Pool with the limits below. */
  readonly dispatcher?: Dispatcher;
  /**
   * What the origin sees as Host: the client's, or the origin URL's. Default `client` for http; for https, whose
   * certificate is held against it, `origin`.
   */
  readonly hostHeader?: "client" | "origin";
  /** Default `keep`. */
  readonly forwarded?: ForwardedMode;
  /** Connections to the origin; more requests wait. Default 256. */
  readonly maxOriginConnections?: number;
  /** Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** From the request to the answer's head, and between two pieces of its body. Default 60,000. */
  readonly originTimeoutMs?: number;
  /**
   * The first download of a content goes no faster than its hashing. Where hashing takes longer than this for 2 MiB,
   * it goes on, and the rest is fetched beside it. Default 1,000.
   */
  readonly slowHashingMs?: number;
  /** What a client may keep the hashing of its download waiting; the rest is then fetched beside it. Default 2,000. */
  readonly slowClientMs?: number;
}

/** A reverse proxy that codes its origin's answers. */
export interface Gateway extends AsyncDisposable {
  /** For `createContentServer`. Answers 400 to a target it cannot forward, and 501 to WebSocket upgrades. */
  readonly handler: RequestHandler;
  /** Stops hashing and drops what is under way. May be called twice; `await using` does the same. */
  close(): Promise<void>;
}

/** Fails with `BC_ORIGIN_URL` if the origin is no http or https URL, or has a query or user information. */
export function createGateway(options: GatewayOptions): Gateway {
  const origin = parseOrigin(options.origin);
  const dispatcher = options.dispatcher ?? poolOf(origin, options);
  const publications = urlPublications(options);
  const context: PassageContext = {
    origin,
    prefix: origin.pathname.replace(/\/$/, ""),
    hostHeader: options.hostHeader ?? (origin.protocol === "https:" ? "origin" : "client"),
    forwarded: options.forwarded ?? "keep",
    dispatcher,
    filter: resourceFilter(options),
    publications,
    judge: codingJudge(options),
    heads: keptHeads(HEADS_MAX),
    clock: options.clock,
    observer: options.observer ?? silentObserver,
    slowClientMs: options.slowClientMs ?? 2_000,
    slowHashingMs: options.slowHashingMs ?? 1_000,
  };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= publications.close().then(() => (options.dispatcher ? undefined : dispatcher.destroy()));
    return closed;
  };
  return {
    handler(request, response) {
      const target = targetOf(request);
      if (!target) {
        refuse(response, 400);
        return;
      }
      if (request.headers.upgrade?.toLowerCase() === "websocket") {
        refuse(response, 501);
        return;
      }
      const passage = new Passage(context, request, response, target);
      passage.run().catch((error: unknown) => passage.fail(error));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function parseOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fits = url?.protocol === "http:" || url?.protocol === "https:";
  if (!url || !fits || url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "") {
    throw new BranchCacheError(
      "BC_ORIGIN_URL",
      "the origin has to be an http or https URL without query and user",
    );
  }
  return url;
}

function poolOf(origin: URL, options: GatewayOptions): Pool {
  const { maxOriginConnections = 256, connectTimeoutMs = 10_000, originTimeoutMs = 60_000 } = options;
  return new (undici().Pool)(origin.origin, {
    connections: maxOriginConnections,
    connect: { timeout: connectTimeoutMs },
    headersTimeout: originTimeoutMs,
    bodyTimeout: originTimeoutMs,
  });
}

const HEADS_MAX = 10_000;
