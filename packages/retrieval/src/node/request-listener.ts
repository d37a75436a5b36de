/** The answering side on any `node:http` server. [MS-PCCRR] 2.1.1, 3.2.5 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { HEADER_BYTES, MAX_REQUEST_BYTES, RETRIEVAL_PATH } from "../limits.ts";
import type { RetrievalAnswer, RetrievalServer } from "../server/server.ts";

/** Handles the request and returns true if its path is the retrieval protocol's; leaves it alone otherwise. */
export type RetrievalRequestListener = (request: IncomingMessage, response: ServerResponse) => boolean;

const OUR_PATH = RETRIEVAL_PATH.toLowerCase();

/**
 * Other methods than POST get 405, a body of unknown length 411, one over 98,304 bytes 413, a malformed
 * message 400; each closes the connection. A body that is not there within the upload timeout is dropped.
 */
export function retrievalRequestListener(server: RetrievalServer): RetrievalRequestListener {
  return (request, response) => {
    if (request.url?.toLowerCase() !== OUR_PATH) return false;
    const refusal = refusalOf(request);
    if (refusal === undefined) receive(server, request, response);
    else refuse(response, refusal);
    return true;
  };
}

function refusalOf({ headers, method }: IncomingMessage): number | undefined {
  if (method !== "POST") return 405;
  const length = headers["content-length"];
  if (length === undefined || headers["transfer-encoding"] !== undefined) return 411;
  const lengthBytes = Number(length);
  if (lengthBytes > MAX_REQUEST_BYTES) return 413;
  return lengthBytes >= HEADER_BYTES ? undefined : 400;
}

function refuse(response: ServerResponse, status: number): void {
  const allow = status === 405 ? { Allow: "POST" } : {};
  response.writeHead(status, { ...allow, "Content-Length": 0, Connection: "close" });
  response.end();
}

function receive(server: RetrievalServer, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Uint8Array[] = [];
  const drop = (): void => {
    response.destroy();
    request.destroy();
  };
  const cancelTimer = server.clock.after(server.uploadTimeoutMs, drop);
  request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  request.once("error", drop);
  request.once("close", cancelTimer);
  request.once("end", () => {
    cancelTimer();
    const [first] = chunks;
    const body = chunks.length === 1 && first ? first : Buffer.concat(chunks);
    const from = request.socket.remoteAddress ?? "";
    void server.handle(body, from, drop).then((answer) => send(answer, response, drop));
  });
}

/** Head, ciphertext and tail leave in one gathering write, uncopied. */
function send(answer: RetrievalAnswer, response: ServerResponse, drop: () => void): void {
  if (answer.kind === "malformed") {
    refuse(response, 400);
    return;
  }
  if (answer.kind === "dropped") {
    drop();
    return;
  }
  if (response.destroyed) {
    answer.done();
    return;
  }
  // Comes after `finish` as well as instead of it.
  response.once("close", () => answer.done());
  response.writeHead(200, {
    "Content-Type": "application/octet-stream",
    "Content-Length": answer.lengthBytes,
  });
  response.cork();
  for (const part of answer.parts) response.write(part);
  response.end();
}
