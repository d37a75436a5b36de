/** A listener that believes a balancer's PROXY header, and nobody else's. */
import type { IncomingMessage } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { peerAddress } from "@branchcache/hosted-cache/node";
import type { Clock, Observer } from "@branchcache/runtime";
import { plainAddress } from "@branchcache/runtime";
import type { AddressRanges } from "@branchcache/runtime/node";
import { parseProxyHeader } from "./proxy-header.ts";

export interface ProxiedServer {
  /** What listens instead of the server itself. */
  readonly front: Server;
  /** Ends connections that have not said yet whose they are. */
  dropWaiting(): void;
  /** The client's address, as its balancer told it or as the connection has it. */
  addressOf(request: IncomingMessage): string;
}

export interface ProxiedServerOptions {
  /** Connections from these addresses begin with a PROXY header; all others must not. */
  readonly isBalancer: AddressRanges;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** For the header, from the connection's beginning. */
const HEADER_TIMEOUT_MS = 5_000;

/** `server`: an HTTP or HTTPS server that does not listen itself. */
export function proxiedServer(server: Server, options: ProxiedServerOptions): ProxiedServer {
  const { clock, isBalancer, observer } = options;
  // By what the system knows a connection, since TLS hides the socket that the header came on.
  const told = new Map<string, string>();
  const waiting = new Set<Socket>();

  const front = createServer((socket) => {
    if (isBalancer(plainAddress(socket.remoteAddress ?? ""))) readHeader(socket);
    else server.emit("connection", socket);
  });

  const readHeader = (socket: Socket): void => {
    let bytes: Uint8Array = new Uint8Array(0);
    const drop = (): void => void socket.destroy();
    const settle = (): void => {
      cancelTimer();
      waiting.delete(socket);
    };
    const cancelTimer = clock.after(HEADER_TIMEOUT_MS, drop);
    const onData = (chunk: Uint8Array): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const header = parseProxyHeader(bytes);
      if (header.kind === "more") return;
      settle();
      socket.off("data", onData);
      if (header.kind === "malformed") {
        observer.event("warn", "peer.bad_request", { from: socket.remoteAddress, reason: "no PROXY header" });
        drop();
        return;
      }
      socket.pause();
      socket.off("error", drop);
      const key = connectionKey(socket);
      if (header.source) {
        told.set(key, plainAddress(header.source.address));
        socket.once("close", () => told.delete(key));
      }
      const rest = bytes.subarray(header.lengthBytes);
      if (rest.length > 0) socket.unshift(rest);
      server.emit("connection", socket);
      // TLS takes what is buffered, and then the connection itself.
      if (!(server instanceof TlsServer)) socket.resume();
    };
    socket.on("data", onData);
    socket.once("error", drop);
    socket.once("close", settle);
    waiting.add(socket);
  };

  return {
    front,
    dropWaiting: () => {
      for (const socket of waiting) socket.destroy();
    },
    addressOf: (request) => told.get(connectionKey(request.socket)) ?? peerAddress(request),
  };
}

function connectionKey({ localPort, remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
