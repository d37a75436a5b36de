/** Any `node:http` handler as a BranchCache content server. [MS-PCCRTP] 3.2 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorMessage, silentObserver } from "@branchcache/runtime";
import type { HeaderFields } from "../header-fields.ts";
import { varyChanges } from "../server/answer-headers.ts";
import { readAnswer } from "../server/decision.ts";
import { readOffer } from "../server/offer.ts";
import type { PublicationProvider } from "../server/publications.ts";
import { countAnswer } from "./answer-count.ts";
import { type CodingOptions, codingJudge } from "./coding-verdict.ts";
import { hookResponse, type Verdict } from "./response-hook.ts";

export interface PeerDistServerOptions extends CodingOptions {
  readonly publications: PublicationProvider;
  /** Smaller resources are sent as they are. Default 65,536. */
  readonly minSizeBytes?: number;
  /**
   * Hides Accept-Encoding from the handler where the client offers this coding. Windows always offers gzip too,
   * and a handler that compresses would never be coded: the two do not go together. Default false.
   */
  readonly hideOtherCodings?: boolean;
  /** Names the resource; undefined leaves the answer alone. Default: Host and URL. */
  readonly resourceKey?: (request: IncomingMessage, response: ServerResponse) => string | undefined;
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
    minSizeBytes = 65_536,
    hideOtherCodings = false,
    resourceKey = (request) => `${request.headers.host ?? ""}${request.url ?? ""}`,
  } = options;
  const judge = codingJudge(options);

  return (request, response) => {
    const method = request.method ?? "";
    const reading = readOffer({ method, headers: request.headers as HeaderFields });

    if (hideOtherCodings && reading.kind === "offer") delete request.headers["accept-encoding"];

    const report = (verdict: Verdict): Verdict => {
      const head = { status: response.statusCode, headers: response.getHeaders() as HeaderFields };
      countAnswer(observer, reading, verdict.kind === "replace", head);
      return verdict;
    };

    hookResponse(response, (head) => {
      const key = resourceKey(request, response);
      if (key === undefined || !ENABLED_METHODS.has(method) || !ENABLED_STATUSES.has(head.status)) {
        return report({ kind: "pass", changes: {} });
      }
      const vary = varyChanges(head.headers);
      const plain: Verdict = { kind: "pass", changes: vary };
      if (reading.kind === "none") return report(plain);
      const answer = readAnswer(head, clock.wallMs());
      if (answer.kind === "not-codable" || answer.answer.sizeBytes < minSizeBytes) return report(plain);
      const closed = new AbortController();
      const onClose = () => closed.abort();
      response.once("close", onClose);
      return judge({
        publications,
        method,
        offer: reading.offer,
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
          response.off("close", onClose);
          return report(verdict);
        });
    });
  };
}
