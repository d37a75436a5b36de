/** A content server on a port, with the threads that hash and the secret: for `serve`, `gateway` and the daemon. */
import { createHashingPool, type HashingPool, nodeHashEngine } from "@branchcache/content-info/node";
import {
  createContentServer,
  type GatewayOptions,
  type RequestHandler,
} from "@branchcache/http-encoding/node";
import { closeServer, type ListenAddress, listen } from "@branchcache/peer-node";
import { formatEndpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { loadServerSecret } from "../files/secret-file.ts";
import { shownHost } from "../options/option-values.ts";
import { Resources } from "../resources.ts";

/** Contents hashed at a time; each is read by several threads. */
const CONCURRENCY = 2;

/** What the content of a server is made with, be it a directory or a gateway. */
export type ContentSettings = Omit<GatewayOptions, "origin" | "hashStream">;

/** What answers the requests. */
export interface ContentHandler {
  readonly handler: RequestHandler;
  close(): Promise<void>;
}

export interface ContentServerOptions
  extends Omit<ContentSettings, "secret" | "engine" | "clock" | "concurrency"> {
  readonly listen: ListenAddress;
  /** Made where there is none. */
  readonly secretFile: string;
  /** How long a connection may be idle. Default: that of `createContentServer`. */
  readonly idleTimeoutMs?: number;
}

export interface ContentServer {
  readonly url: string;
  /** Takes no more requests at once; answers under way have so many milliseconds to end, default two seconds. */
  close(graceMs?: number): Promise<void>;
}

/** Errors: `BC_SECRET_FILE`, those of `make` and of `listen`; nothing is left open then. */
export async function startContentServer(
  { listen: at, secretFile, idleTimeoutMs, ...options }: ContentServerOptions,
  make: (settings: ContentSettings, pool: HashingPool) => ContentHandler,
): Promise<ContentServer> {
  const resources = new Resources();
  try {
    const secret = await loadServerSecret(secretFile);
    const pool = resources.use(createHashingPool());
    const settings = {
      ...options,
      secret,
      concurrency: CONCURRENCY,
      engine: nodeHashEngine,
      clock: systemClock,
    };
    const content = make(settings, pool);
    resources.defer(() => content.close());
    const server = createContentServer(content.handler, idleTimeoutMs === undefined ? {} : { idleTimeoutMs });
    const endpoint = await listen(server, at, options.observer);
    return {
      url: `http://${formatEndpoint({ ...endpoint, address: shownHost(endpoint.address) })}/`,
      async close(graceMs) {
        await closeServer(server, graceMs);
        await resources[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await resources[Symbol.asyncDispose]();
    throw error;
  }
}
