/** The content server inside the daemon: a directory, or what stands behind another web server. */
import { createGateway, peerDistDirectory } from "@branchcache/http-encoding/node";
import type { Observer } from "@branchcache/runtime";
import { contentListener } from "../config/listeners.ts";
import type { Settings } from "../config/schema.ts";
import { type ContentServer, startContentServer } from "../content/content-server.ts";
import { checkServeRoot } from "../files/serve-root.ts";
import type { DaemonStore } from "./daemon-store.ts";

const RANGE_WAIT_MS = 10_000;

/** `settings`: enabled, with a root or an origin. Errors: `BC_SERVE_ROOT`, those of `startContentServer`. */
export async function startDaemonContentServer(
  settings: Settings["content_server"],
  store: Pick<DaemonStore, "publications">,
  observer: Observer,
): Promise<ContentServer> {
  const { root, origin, min_size: minSizeBytes, secret_file: secretFile, versions } = settings;
  if (root !== undefined) await checkServeRoot(root, "content_server.root");
  return startContentServer(
    {
      listen: contentListener(settings),
      secretFile,
      store: store.publications,
      minSizeBytes,
      versions,
      rangeWaitMs: RANGE_WAIT_MS,
      observer,
    },
    (shared, pool) =>
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
          }),
  );
}
