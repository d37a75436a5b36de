/** The content server inside the daemon: a directory, or what stands behind another web server. */
import { createHashingPool, nodeHashEngine } from "@branchcache/content-info/node";
import { createContentServer, createGateway, peerDistDirectory } from "@branchcache/http-encoding/node";
import { closeServer, listen } from "@branchcache/peer-node";
import { formatEndpoint, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { contentListener } from "../config/listeners.ts";
import type { Settings } from "../config/schema.ts";
import { loadServerSecret } from "../files/secret-file.ts";
import { checkServeRoot } from "../files/serve-root.ts";
import { shownHost } from "../options/option-values.ts";
import { Resources } from "../resources.ts";
import type { DaemonStore } from "./daemon-store.ts";

export interface ContentServer {
  readonly url: string;
  /** Takes no more requests at once; answers under way have so many milliseconds to end, default two seconds. */
  close(graceMs?: number): Promise<void>;
}

/** Contents hashed at a time; each is read by several threads. */
const CONCURRENCY = 2;
const RANGE_WAIT_MS = 10_000;

/** `settings`: enabled, with a root or an origin. Errors: `BC_SERVE_ROOT`, `BC_SECRET_FILE`, those of `listen`. */
export async function startContentServer(
  settings: Settings["content_server"],
  store: Pick<DaemonStore, "publications">,
  observer: Observer,
): Promise<ContentServer> {
  const { root, origin, min_size: minSizeBytes, secret_file: secretFile, versions } = settings;
  const resources = new Resources();
  try {
    const secret = await loadServerSecret(secretFile);
    const pool = resources.use(createHashingPool());
    const shared = {
      minSizeBytes,
      versions,
      rangeWaitMs: RANGE_WAIT_MS,
      store: store.publications,
      concurrency: CONCURRENCY,
      secret,
      engine: nodeHashEngine,
      clock: systemClock,
      observer,
    };
    if (root !== undefined) await checkServeRoot(root, "content_server.root");
    const content =
      root === undefined
        ? createGateway({
            ...shared,
            origin: origin ?? "",
            hashStream: (source, signal) => pool.publishStream(source, { signal, versions }),
          })
        : peerDistDirectory({
            ...shared,
            root,
            hashFile: (path, signal) => pool.publishFile(path, { signal, versions }),
          });
    resources.defer(() => content.close());
    const server = createContentServer(content.handler, {});
    const at = await listen(server, contentListener(settings), observer);
    return {
      url: `http://${formatEndpoint({ ...at, address: shownHost(at.address) })}/`,
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
