/** Any `node:http` handler as a BranchCache content server. [MS-PCCRTP] 3.2 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorMessage, silentObserver } from "@branchcache/runtime";
import { varyChanges } from "../../server/answer-headers.ts";
import { readAnswer } from "../../server/decision.ts";
import { readOffer } from "../../server/offer.ts";
import type { PublicationProvider } from "../../server/publications.ts";
import { countAnswer } from "../answer-count.ts";
import { type CodingOptions, codingJudge } from "../coding-verdict.ts";
import { createPatience } from "../publications/patience.ts";
import { createTee, type Tee } from "../publications/tee.ts";
import type { UrlPublications } from "../publications/url-publications.ts";
import { type ResourceFilterOptions, resourceFilter } from "../resource-filter.ts";
import { fetchFromOwnServer, isOwnRequest, targetText } from "./own-server.ts";
import { type BodyCopy, hookResponse, type Verdict } from "./response-hook.ts";

/** What the coding needs round a handler: secret, hashes, and which answers are worth it. [MS-PCCRTP] 3.2 */
export interface PeerDistServerOptions extends CodingOptions, ResourceFilterOptions {
  /**
   * `filePublications`, or `urlPublications`: these hash what the handler sends as the first client downloads it.
   * The caller closes them.
   */
  readonly publications: PublicationProvider | UrlPublications;
  /**
   * Hides Accept-Encoding from the handler where the client offers this coding. Windows always offers gzip too,
   * and a handler that compresses would never be coded: the two do not go together. Default false.
   */
  readonly hideOtherCodings?: boolean;
  /** Names the resource; undefined leaves the answer alone. Default: scheme, Host, path and query. */
  readonly resourceKey?: (request: IncomingMessage, response: ServerResponse) => string | undefined;
  /**
   * What a client may keep the hashing of its download waiting; the rest is then asked of the handler once more.
   * Default 2,000.
   */
  readonly slowClientMs?: number;
  /**
   * The first download of a content goes no faster than its hashing. Where hashing takes longer than this for 2 MiB,
   * it goes on, and the rest is asked of the handler once more. Default 1,000.
   */
  readonly slowHashingMs?: number;
}

type Hook = (request: IncomingMessage, response: ServerResponse) => void;

/** The same as express-shaped middleware, for everything mounted after it. */
export function peerDistMiddleware(
  options: PeerDistServerOptions,
): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  const hook = peerDistHook(options);
  return (request, response, next) => {
    hook(request, response);
    next();
  };
}

/**
 * Wraps a handler. Whatever it answers to a GET with status 200 or 206, a validator and a known length
 * becomes Content Information, if the client takes it and the hashes exist; all else leaves unchanged but
 * for `Vary`. The handler runs first, so its access checks hold for Content Information as well. A handler
 * that pipes is stopped when its body is not wanted; one that writes by itself should stop at `close`.
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

const ENABLED_METHODS = new Set(["GET", "HEAD"]);
const ENABLED_STATUSES = new Set([200, 206, 304]);

function peerDistHook(options: PeerDistServerOptions): Hook {
  const {
    clock,
    observer = silentObserver,
    publications,
    hideOtherCodings = false,
    resourceKey = urlOf,
    slowClientMs = 2_000,
    slowHashingMs = 1_000,
  } = options;
  const judge = codingJudge(options);
  const filter = resourceFilter(options);

  return (request, response) => {
    if (isOwnRequest(request)) return;
    const method = request.method ?? "";
    const reading = readOffer({ method, headers: request.headers });
    const eligible = ENABLED_METHODS.has(method) && filter.path(targetText(request));

    if (hideOtherCodings && eligible && reading.kind === "offer") delete request.headers["accept-encoding"];

    const report = (verdict: Verdict): Verdict => {
      const head = { status: response.statusCode, headers: response.getHeaders() };
      countAnswer(observer, reading, verdict.kind === "replace", head);
      return verdict;
    };

    hookResponse(response, (head) => {
      const key = eligible ? resourceKey(request, response) : undefined;
      if (key === undefined || !ENABLED_STATUSES.has(head.status)) {
        return report({ kind: "pass", changes: {} });
      }
      const vary = varyChanges(head.headers);
      const plain: Verdict = { kind: "pass", changes: vary };
      if (reading.kind === "none") return report(plain);
      const { offer } = reading;
      const answer = readAnswer(head, clock.wallMs());
      if (answer.kind === "not-codable" || !filter.answer(answer.answer.sizeBytes, head.headers)) {
        return report(plain);
      }
      const closed = new AbortController();
      let tee: Tee | undefined;
      response.once("close", () => {
        closed.abort();
        tee?.drop("the client is gone");
      });
      const passing = (urls: UrlPublications) => {
        const { validator, sizeBytes } = answer.answer;
        return urls.from({
          tee: () => {
            const passesWhole = method === "GET" && head.status === 200 && !offer.hashRequest;
            if (!passesWhole || closed.signal.aborted) return undefined;
            tee = createTee({ lengthBytes: sizeBytes, clock, slowReaderMs: slowHashingMs });
            return tee;
          },
          fetch: (signal) =>
            fetchFromOwnServer(request, { key, validator, sizeBytes }, () => clock.wallMs(), signal),
        });
      };
      return judge({
        publications: "from" in publications ? passing(publications) : publications,
        method,
        offer,
        head,
        answer: answer.answer,
        key,
        vary,
        signal: closed.signal,
      })
        .catch((error: unknown): Verdict => {
          observer.event("error", "publish.failed", { reason: errorMessage(error) });
          return plain;
        })
        .then((verdict) => {
          if (verdict.kind === "replace") tee?.drop("Content Information is sent");
          return report(verdict.kind === "pass" && tee ? { ...verdict, copy: copyTo(tee) } : verdict);
        });
    });
  };

  function copyTo(tee: Tee): BodyCopy {
    const patience = createPatience(clock, slowClientMs, () => tee.drop("the client is slow"));
    return {
      push: tee.push,
      isFull: () => tee.isFull,
      whenRoom: tee.whenRoom,
      end: tee.end,
      pause: patience.pause,
      resume: patience.resume,
    };
  }
}

function urlOf(request: IncomingMessage): string {
  const encrypted = "encrypted" in request.socket && request.socket.encrypted === true;
  return `${encrypted ? "https" : "http"}://${request.headers.host ?? ""}${targetText(request)}`;
}
