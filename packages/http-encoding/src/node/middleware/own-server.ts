/** All of a content from the server that is asked for it, over a connection that never leaves the process. */
import { type IncomingMessage, request as openRequest, type Server } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { BranchCacheError } from "@branchcache/runtime";
import { readAnswer } from "../../server/decision.ts";
import type { Resource } from "../../server/publications.ts";
import { CONDITION_FIELDS, OFFER_FIELDS, requestFields } from "../forward-fields.ts";

const ownConnections = new WeakSet<object>();

/** Whether the request is one of `fetchFromOwnServer`, and nobody's else. */
export function isOwnRequest(request: IncomingMessage): boolean {
  return ownConnections.has(request.socket);
}

/** As the client named it, also where a framework has taken the beginning off. */
export function targetText(request: IncomingMessage): string {
  const { originalUrl } = request as { readonly originalUrl?: unknown };
  return typeof originalUrl === "string" ? originalUrl : (request.url ?? "");
}

/**
 * Asks the server that received this request once more, with the client's own fields and so with its rights.
 * Fails with `BC_CONTENT_CHANGED` where the answer is another representation.
 */
export async function* fetchFromOwnServer(
  request: IncomingMessage,
  resource: Resource,
  nowMs: () => number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const connection = connectInside(request);
  const headers = requestFields(request, {
    host: request.headers.host ?? "",
    forwarded: "keep",
    without: [...OFFER_FIELDS, ...CONDITION_FIELDS, "range"],
    add: { "Accept-Encoding": "identity" },
  });
  const asked = openRequest({
    createConnection: () => connection,
    path: targetText(request),
    headers,
    signal,
  });
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      asked.once("response", resolve);
      asked.on("error", reject);
      asked.end();
    });
    const head = { status: answer.statusCode ?? 0, headers: answer.headers };
    const reading = readAnswer(head, nowMs());
    const same =
      head.status === 200 &&
      reading.kind === "codable" &&
      reading.answer.validator === resource.validator &&
      reading.answer.sizeBytes === resource.sizeBytes;
    if (!same) throw new BranchCacheError("BC_CONTENT_CHANGED", "the server answers differently now");
    yield* answer;
  } finally {
    connection.destroy();
  }
}

/** What the application reads of a connection, for instance for its access rules. */
const CONNECTION_PROPERTIES = [
  "remoteAddress",
  "remotePort",
  "remoteFamily",
  "localAddress",
  "localPort",
] as const;

function connectInside(request: IncomingMessage): Duplex {
  const { socket } = request;
  const { server } = socket as { readonly server?: Server };
  if (!server) throw new BranchCacheError("BC_CONTENT_CHANGED", "the request came from no server");
  const encrypted = "encrypted" in socket && socket.encrypted === true;
  const [ours, theirs] = duplexPair();
  for (const side of [ours, theirs]) side.on("error", () => {});
  for (const name of CONNECTION_PROPERTIES) Object.defineProperty(theirs, name, { value: socket[name] });
  if (encrypted) Object.defineProperty(theirs, "encrypted", { value: true });
  ours.once("close", () => theirs.destroy());
  ownConnections.add(theirs);
  // Behind TLS, the connection as it is after the handshake.
  server.emit(encrypted ? "secureConnection" : "connection", theirs);
  return ours;
}
