/** Any `node:http` handler as a BranchCache content server. [MS-PCCRTP] 3.2 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type ContentInformationVersion,
  contentInformationLength,
  contentInformationParts,
  type HashEngine,
  type Publication,
  type Publications,
  type ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { type Clock, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import type { HeaderFields } from "../header-fields.ts";
import {
  contentInformationChanges,
  type HeaderChanges,
  makeHashRequestChanges,
  varyChanges,
} from "../server/answer-headers.ts";
import { type CodableAnswer, choose, type PlainAnswer, readAnswer } from "../server/decision.ts";
import { type PeerDistOffer, readOffer } from "../server/offer.ts";
import type { PublicationProvider, Resource } from "../server/publications.ts";
import { hookResponse, type Verdict } from "./response-hook.ts";
import { settledWithin } from "./settled-within.ts";

export interface PeerDistServerOptions {
  readonly publications: PublicationProvider;
  /** Segment secrets are made of it; servers that share it share their clients' caches. */
  readonly secret: ServerSecret;
  readonly engine: HashEngine;
  readonly clock: Clock;
  readonly observer?: Observer;
  /** Of Content Information, to be sent. Default both. */
  readonly versions?: readonly ContentInformationVersion[];
  /** Smaller resources are sent as they are. Default 65,536. */
  readonly minSizeBytes?: number;
  /** How long a hash request waits for hashes in the making. Default 10,000. */
  readonly hashRequestWaitMs?: number;
  /** How long a request for one range waits for them; some clients give up coded ranges on the first plain one. Default 0. */
  readonly rangeWaitMs?: number;
  /** How long any request waits for the provider's answer. Default 1,000. */
  readonly lookupWaitMs?: number;
  /** Names the resource; undefined leaves the answer alone. Default: Host and URL. */
  readonly resourceKey?: (request: IncomingMessage, response: ServerResponse) => string | undefined;
}

/** Larger Content Information is made anew, piece by piece, for each request. */
const MAX_KEPT_BYTES = 1_048_576;

type NextHandler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** The same as express-shaped middleware, for everything mounted after it. */
export function peerDistMiddleware(options: PeerDistServerOptions): NextHandler {
  const hook = peerDistHook(options);
  return (request, response, next) => {
    hook(request, response);
    next();
  };
}

/**
 * Wraps a handler. Whatever it answers to a GET with status 200 or 206, a validator and a known length
 * becomes Content Information, if the client takes it and the hashes exist; all else leaves unchanged.
 * The handler's access checks hold for Content Information as well, since it runs first.
 */
export function withPeerDist<Rest extends unknown[], Result>(
  handler: (request: IncomingMessage, response: ServerResponse, ...rest: Rest) => Result,
  options: PeerDistServerOptions,
): (request: IncomingMessage, response: ServerResponse, ...rest: Rest) => Result {
  const hook = peerDistHook(options);
  return (request, response, ...rest) => {
    hook(request, response);
    return handler(request, response, ...rest);
  };
}

function peerDistHook(
  options: PeerDistServerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const {
    publications,
    secret,
    engine,
    clock,
    observer = silentObserver,
    versions = [1, 2],
    minSizeBytes = 65_536,
    hashRequestWaitMs = 10_000,
    rangeWaitMs = 0,
    lookupWaitMs = 1_000,
    resourceKey = (request) => `${request.headers.host ?? ""}${request.url ?? ""}`,
  } = options;
  // Each segment's secret costs a hash; many clients ask for the same file, and the secret stays the same.
  const whole = new WeakMap<Publication, Uint8Array>();

  const lookup = async (resource: Resource, signal: AbortSignal): Promise<Publications> => {
    const found = await settledWithin(publications.lookup(resource), clock, lookupWaitMs, signal);
    const fits = (version: ContentInformationVersion, publication: Publication | undefined) =>
      versions.includes(version) && publication?.lengthBytes === resource.sizeBytes;
    return {
      ...(found?.v1 && fits(1, found.v1) && { v1: found.v1 }),
      ...(found?.v2 && fits(2, found.v2) && { v2: found.v2 }),
    };
  };

  const waitMs = (offer: PeerDistOffer, status: number): number =>
    Math.max(offer.hashRequest ? hashRequestWaitMs : 0, status === 206 ? rangeWaitMs : 0);

  const bodyOf = (publication: Publication, { range }: CodableAnswer): Iterable<Uint8Array> => {
    const isWhole = range.startBytes === 0 && range.endBytes === publication.lengthBytes;
    if (!isWhole || contentInformationLength(publication) > MAX_KEPT_BYTES) {
      return contentInformationParts(publication, secret, engine, range);
    }
    const bytes = whole.get(publication) ?? writeContentInformation(publication, secret, engine);
    whole.set(publication, bytes);
    return [bytes];
  };

  const judgeOffer = async (
    method: string,
    offer: PeerDistOffer,
    answer: CodableAnswer,
    head: PlainAnswer,
    resource: Resource,
    vary: HeaderChanges,
    signal: AbortSignal,
  ): Promise<Verdict> => {
    let found = await lookup(resource, signal);
    let decision = choose(method, offer, answer, versionsOf(found));
    if (decision.kind === "plain" && decision.queueHashing) {
      const job = publications.request(resource);
      const patienceMs = method === "GET" ? waitMs(offer, head.status) : 0;
      if (patienceMs > 0) {
        await settledWithin(job, clock, patienceMs, signal);
        found = await lookup(resource, signal);
        decision = choose(method, offer, answer, versionsOf(found));
      }
    }
    if (decision.kind === "plain") {
      return {
        kind: "pass",
        changes: { ...vary, ...(decision.makeHashRequest && makeHashRequestChanges()) },
      };
    }
    const publication = decision.version === 2 ? found.v2 : found.v1;
    const plainBytes = answer.range.endBytes - answer.range.startBytes;
    const lengthBytes = publication ? contentInformationLength(publication, answer.range) : 0;
    if (!publication || lengthBytes >= plainBytes) return { kind: "pass", changes: vary };
    observer.count("content_info_sent_bytes_total", lengthBytes);
    observer.count("projected_bytes_total", plainBytes);
    observer.event("trace", "content_info.sent", {
      version: decision.version,
      lengthBytes,
      contentBytes: plainBytes,
    });
    return {
      kind: "replace",
      changes: { ...vary, ...contentInformationChanges(head.headers, offer, answer, lengthBytes) },
      body: bodyOf(publication, answer),
    };
  };

  return (request, response) => {
    const method = request.method ?? "";
    const reading = readOffer({ method, headers: request.headers as HeaderFields });
    const count = (answer: "content_info" | "content" | "missing_data") =>
      observer.count("http_requests_total", 1, { peerdist: String(reading.kind === "offer"), answer });
    const countPlain = (): void => {
      const missing = reading.kind === "none" && reading.reason === "missing-data";
      count(missing ? "missing_data" : "content");
      observer.event("trace", missing ? "missing_data.sent" : "content.sent", {
        status: response.statusCode,
      });
    };

    hookResponse(response, (head) => {
      const key = resourceKey(request, response);
      const enabled =
        key !== undefined && (method === "GET" || method === "HEAD") && [200, 206, 304].includes(head.status);
      const vary = enabled ? varyChanges(head.headers) : {};
      const answer = enabled && reading.kind === "offer" ? readAnswer(head, clock.wallMs()) : undefined;
      if (!enabled || reading.kind === "none" || answer?.kind !== "codable") {
        countPlain();
        return { kind: "pass", changes: vary };
      }
      const { validator, sizeBytes } = answer.answer;
      if (sizeBytes < minSizeBytes) {
        countPlain();
        return { kind: "pass", changes: vary };
      }
      const closed = new AbortController();
      const onClose = () => closed.abort();
      response.once("close", onClose);
      return judgeOffer(
        method,
        reading.offer,
        answer.answer,
        head,
        { key, validator, sizeBytes },
        vary,
        closed.signal,
      )
        .catch((error: unknown): Verdict => {
          observer.event("error", "publish.failed", { reason: errorMessage(error) });
          return { kind: "pass", changes: vary };
        })
        .then((verdict) => {
          response.off("close", onClose);
          if (verdict.kind === "replace") count("content_info");
          else countPlain();
          return verdict;
        });
    });
  };
}

function versionsOf(publications: Publications): readonly ContentInformationVersion[] {
  const versions: ContentInformationVersion[] = [];
  if (publications.v1) versions.push(1);
  if (publications.v2) versions.push(2);
  return versions;
}
