/** Opening and closing a port, with words for what goes wrong. */
import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import {
  BranchCacheError,
  type CancelTimer,
  type Endpoint,
  errorCode,
  errorMessage,
  type Observer,
  silentObserver,
} from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

/** Where to listen: all addresses unless `host` names one; port 0 picks a free one. */
export interface ListenAddress {
  /** A name or an address. Default: all addresses of this machine. */
  readonly host?: string;
  /** 0 to 65,535; 0 picks a free one. */
  readonly port: number;
  /** Who configured it, for messages: the settings that name host and port. */
  readonly settings?: { readonly host: string; readonly port: string };
}

/** Of servers that listen; `node:http` takes a connection that has said nothing for a request under way. */
const connections = new WeakMap<Server, Set<Socket>>();

/** Errors: `BC_LISTEN_PORT_IN_USE`, `BC_LISTEN_NO_PERMISSION`, `BC_LISTEN_FAILED`; each names the setting and a cure. */
export async function listen(
  server: Server,
  address: ListenAddress,
  observer: Observer = silentObserver,
): Promise<Endpoint> {
  const { host, port } = address;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (cause) {
    const error = listenError(address, cause);
    if (error.code === "BC_LISTEN_PORT_IN_USE") {
      observer.event("error", "listen.port_in_use", { address: host, port });
    } else if (error.code === "BC_LISTEN_NO_PERMISSION") {
      observer.event("error", "listen.no_permission", { address: host, port });
    }
    throw error;
  }
  onAcceptFault(server, `${host ?? "*"}:${port}`, observer);
  const open = new Set<Socket>();
  connections.set(server, open);
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  const { address: bound, port: actual } = server.address() as AddressInfo;
  return { address: bound, port: actual };
}

/** A connection that could not be taken, as when there are too many open files, must not end the process. */
export function onAcceptFault(server: Server, where: string, observer: Observer): void {
  server.on("error", (error) =>
    observer.event("error", "listen.failed", { where, reason: errorMessage(error) }),
  );
}

/** What Node.js threw at `listen`, in words that name the setting and what to do. */
export function listenError({ host, port, settings }: ListenAddress, cause: unknown): BranchCacheError {
  const where = `${host ?? "*"}:${port}`;
  const named = (setting: string | undefined) => (setting === undefined ? "" : `${setting}: `);
  switch (errorCode(cause)) {
    case "EADDRINUSE":
      return new BranchCacheError(
        "BC_LISTEN_PORT_IN_USE",
        `${named(settings?.port)}${where} is taken by another program: name another port, or end that program`,
        { cause },
      );
    case "EACCES":
      return new BranchCacheError(
        "BC_LISTEN_NO_PERMISSION",
        `${named(settings?.port)}no permission to listen on ${where}: ports below 1024 need root or CAP_NET_BIND_SERVICE; name a higher port, or start it as a service`,
        { cause },
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new BranchCacheError(
        "BC_LISTEN_FAILED",
        `${named(settings?.host)}cannot listen on ${where}: ${host ?? "that"} is no address of this machine`,
        { cause },
      );
    default:
      return new BranchCacheError(
        "BC_LISTEN_FAILED",
        `${named(settings?.port)}cannot listen on ${where}: ${errorMessage(cause)}`,
        { cause },
      );
  }
}

/** Between looks for connections that have nothing left to do, while a server closes. */
const LOOK_EVERY_MS = 50;

/**
 * Takes no more connections at once, and no more requests on those there are; answers under way have so many
 * milliseconds to end, default two seconds. `front`: what listens in the server's place.
 */
export async function closeServer(
  server: HttpServer | HttpsServer,
  graceMs = 2_000,
  front?: Server,
): Promise<void> {
  const listening = front ?? server;
  const closed = new Promise<void>((resolve) => {
    listening.close(() => resolve());
  });
  if (front) server.close();
  for (const socket of connections.get(listening) ?? []) if (socket.bytesRead === 0) socket.destroy();
  // A client that goes on asking would hold its connection open for ever.
  server.prependListener("request", (_request, response) => response.setHeader("Connection", "close"));
  let cancelLook: CancelTimer = () => {};
  const look = (): void => {
    server.closeIdleConnections();
    cancelLook = systemClock.after(LOOK_EVERY_MS, look);
  };
  look();
  const cancelCut = systemClock.after(graceMs, () => server.closeAllConnections());
  await closed;
  cancelLook();
  cancelCut();
}
