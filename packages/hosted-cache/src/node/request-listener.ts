/** The answering side on any `node:http` or `node:https` server. [MS-PCHC] 2.1 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorMessage, type Observer, plainAddress, silentObserver } from "@branchcache/runtime";
import { MAX_REQUEST_BYTES_V1, MAX_REQUEST_BYTES_V2, OFFER_PATH_V1, OFFER_PATH_V2 } from "../limits.ts";
import type { OfferVersion } from "../messages/header.ts";
import type { HostedCacheServer, OfferAnswer } from "../server/server.ts";
import type { OfferGate } from "./gates.ts";

/** Handles the request and returns true if its path is that of the version; leaves it alone otherwise. */
export type OfferRequestListener = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Which version is listened for, and who may offer. */
export interface OfferListenerOptions {
  /** 1 for the listener of HTTPS, 2 for that of HTTP. */
  readonly version: OfferVersion;
  /** Who may offer. Default everybody. */
  readonly gate?: OfferGate;
  /** The client's address, where the connection's own is that of a balancer. Default the connection's. */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** Told of clients that were refused, and of failures. Default: nobody. */
  readonly observer?: Observer;
  /** Milliseconds for the whole body, from its head. Default 15,000. */
  readonly bodyTimeoutMs?: number;
}

const PATHS = { 1: bare(OFFER_PATH_V1), 2: bare(OFFER_PATH_V2) } as const;
const MAX_BYTES = { 1: MAX_REQUEST_BYTES_V1, 2: MAX_REQUEST_BYTES_V2 } as const;
const BODY_TIMEOUT_MS = 15_000;

/**
 * Bodies may have a length or come in chunks. Other methods than POST get 405, bodies over the limit 413, malformed
 * messages 400, too many of them 429, clients that may not offer 403, and those that did not prove who they are 401;
 * all but the last close the connection. A body that is not there in time is dropped.
 */
export function offerRequestListener(
  server: HostedCacheServer,
  options: OfferListenerOptions,
): OfferRequestListener {
  const {
    addressOf = peerAddress,
    bodyTimeoutMs = BODY_TIMEOUT_MS,
    gate,
    observer = silentObserver,
  } = options;
  const { version } = options;

  const work = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const address = addressOf(request);
    const body = await receive(request, response, MAX_BYTES[version], server, bodyTimeoutMs);
    if (!body) return;
    // After the body: a connection whose body was left unread could not carry the next leg.
    const verdict = await gate?.(request, address);
    if (verdict && verdict.kind !== "open") {
      if (verdict.reason !== undefined) {
        observer.event("warn", "peer.denied", { from: address, reason: verdict.reason });
        observer.count("hosted_offers_total", 1, { direction: "received", result: "failed" });
      }
      if (verdict.kind === "refused") refuse(response, 403);
      else response.writeHead(401, { "WWW-Authenticate": verdict.challenge, "Content-Length": 0 }).end();
      return;
    }
    send(await server.handle(version, body, address), response);
  };

  return (request, response) => {
    if (bare(request.url ?? "") !== PATHS[version]) return false;
    if (request.method !== "POST") {
      refuse(response, 405, { Allow: "POST" });
      return true;
    }
    work(request, response).catch((error: unknown) => {
      observer.event("error", "peer.bad_request", { reason: errorMessage(error) });
      response.destroy();
    });
    return true;
  };
}

/** Of the connection: IPv4 in its own form, IPv6 with its zone where it has one. */
export function peerAddress({ socket }: Pick<IncomingMessage, "socket">): string {
  return plainAddress(socket.remoteAddress ?? "");
}

function bare(path: string): string {
  return path.toLowerCase().replace(/\/$/, "");
}

function refuse(
  response: ServerResponse,
  status: number,
  fields: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...fields, "Content-Length": 0, Connection: "close" });
  response.end();
}

/** Undefined where the body was refused, or did not come. */
function receive(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  { clock }: HostedCacheServer,
  timeoutMs: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let lengthBytes = 0;
    const cancelTimer = clock.after(timeoutMs, () => {
      response.destroy();
      request.destroy();
    });
    const over = (body?: Uint8Array): void => {
      cancelTimer();
      resolve(body);
    };
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
      refuse(response, 413);
      over();
      return;
    }
    request.on("data", (chunk: Uint8Array) => {
      lengthBytes += chunk.length;
      if (lengthBytes <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      request.removeAllListeners("data");
      request.resume();
      refuse(response, 413);
      over();
    });
    request.once("error", () => over());
    request.once("close", () => over());
    request.once("end", () => over(Buffer.concat(chunks)));
  });
}

function send(answer: OfferAnswer, response: ServerResponse): void {
  if (answer.kind !== "response") {
    refuse(response, answer.kind === "dropped" ? 400 : 429);
    return;
  }
  // Comes after `finish` as well as instead of it.
  response.once("close", () => answer.answered());
  response.writeHead(200, {
    "Content-Type": "application/octet-stream",
    "Content-Length": answer.body.length,
  });
  response.end(answer.body);
}
