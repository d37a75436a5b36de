/** An HTTP server that can stand before strangers: idle connections end, long transfers do not. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** An express-shaped handler; what it returns is passed on. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Time-outs, in milliseconds, and bounds of `createContentServer`. */
export interface ContentServerOptions {
  /** A connection on which nothing moves for so long is closed. Default 120,000. */
  readonly idleTimeoutMs?: number;
  /** From a request's first byte to the end of its head. Default 30,000. */
  readonly headersTimeoutMs?: number;
  /** Default: no limit but the system's. */
  readonly maxConnections?: number;
}

/** Refuses CONNECT; other upgrades are for the handler. */
export function createContentServer(handler: RequestHandler, options: ContentServerOptions = {}): Server {
  const { idleTimeoutMs = 120_000, headersTimeoutMs = 30_000, maxConnections } = options;
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      // An upload may take as long as it moves.
      requestTimeout: 0,
      keepAliveTimeout: Math.min(75_000, idleTimeoutMs),
    },
    (request, response) => void handler(request, response),
  );
  server.timeout = idleTimeoutMs;
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.on("connect", (_request, socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  return server;
}
