/** An answer of our own: a status, and its name as text. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";

/** Fields that were set before, such as `Allow`, are sent as well. Nothing may have been written yet. */
export function refuse(response: ServerResponse, status: number): void {
  const { req: request } = response;
  const text = `${STATUS_CODES[status] ?? status}\n`;
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "X-Content-Type-Options": "nosniff",
    // What is left of the request's body is not worth reading.
    ...(hasBody(request) && !request.complete ? { Connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

/** Whether a body follows the head; it may still be on its way. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
