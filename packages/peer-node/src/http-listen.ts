/** Opening and closing a port, with words for what goes wrong. */
import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import {
  BranchCacheError,
  type Endpoint,
  errorCode,
  type Observer,
  silentObserver,
} from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

/** Where to listen: all addresses unless `host` names one; port 0 picks a free one. */
export interface ListenAddress {
  readonly host?: string;
  readonly port: number;
}

/** Errors: `BC_LISTEN_PORT_IN_USE`, `BC_LISTEN_NO_PERMISSION`, `BC_LISTEN_FAILED`. */
export async function listen(
  server: Server,
  { host, port }: ListenAddress,
  observer: Observer = silentObserver,
): Promise<Endpoint> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const where = `${host ?? "*"}:${port}`;
    const code = errorCode(error);
    if (code === "EADDRINUSE") {
      observer.event("error", "listen.port_in_use", { address: host, port });
      throw new BranchCacheError("BC_LISTEN_PORT_IN_USE", `${where} is taken by another program`, {
        cause: error,
      });
    }
    if (code === "EACCES") {
      observer.event("error", "listen.no_permission", { address: host, port });
      throw new BranchCacheError(
        "BC_LISTEN_NO_PERMISSION",
        `no permission to listen on ${where}: ports below 1024 need root or CAP_NET_BIND_SERVICE`,
        { cause: error },
      );
    }
    throw new BranchCacheError("BC_LISTEN_FAILED", `cannot listen on ${where}: ${String(error)}`, {
      cause: error,
    });
  }
  const { address, port: actual } = server.address() as AddressInfo;
  return { address, port: actual };
}

/** Lets answers under way finish for a moment, then ends them. */
export async function closeServer(server: HttpServer | HttpsServer, graceMs = 2_000): Promise<void> {
  const cancel = systemClock.after(graceMs, () => server.closeAllConnections());
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  cancel();
}
