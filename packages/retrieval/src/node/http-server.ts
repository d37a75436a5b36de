/**
 * A `node:http` server with a short cut for retrieval: what `node:http` does for one request costs more than to read
 * the request, find the block and send it. Requests of the shape that clients send are answered on the connection
 * itself; with the first of any other shape the connection is handed over to `node:http`, for good.
 */
import { type IncomingMessage, type RequestListener, Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { RetrievalServer } from "../server/server.ts";
import { FastConnection } from "./fast-connection.ts";
import { retrievalRequestListener } from "./request-listener.ts";

/**
 * To be used like a server of `createServer`: `otherRequests` gets what is not for the retrieval path, and 404 is the
 * answer without it.
 */
export function createRetrievalHttpServer(
  retrieval: RetrievalServer,
  otherRequests: RequestListener = notFound,
): Server {
  return new RetrievalHttpServer(retrieval, otherRequests);
}

class RetrievalHttpServer extends Server {
  readonly #connections = new Set<FastConnection>();

  constructor(retrieval: RetrievalServer, otherRequests: RequestListener) {
    const listener = retrievalRequestListener(retrieval);
    super((request, response) => {
      if (!listener(request, response)) otherRequests(request, response);
    });
    const parsers = this.listeners("connection") as ((this: Server, socket: Socket) => void)[];
    this.removeAllListeners("connection");
    this.on("connection", (socket: Socket) => {
      const connection = new FastConnection(socket, {
        retrieval,
        firstTimeoutMs: this.headersTimeout,
        idleTimeoutMs: this.keepAliveTimeout,
        onClose: () => this.#connections.delete(connection),
        handOver: () => {
          this.#connections.delete(connection);
          for (const parse of parsers) parse.call(this, socket);
        },
      });
      this.#connections.add(connection);
    });
  }

  override close(callback?: (error?: Error) => void): this {
    super.close(callback);
    for (const connection of this.#connections) connection.end();
    return this;
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    for (const connection of this.#connections) if (connection.idle) connection.close();
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    for (const connection of this.#connections) connection.close();
  }
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "Content-Length": 0 }).end();
}
