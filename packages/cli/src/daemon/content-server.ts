/** The content server inside the daemon: a directory, or what stands behind another web server. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createHashingPool, nodeHashEngine } from "@branchcache/content-info/node";
import { createContentServer, createGateway, peerDistDirectory } from "@branchcache/http-encoding/node";
import { closeServer, listen } from "@branchcache/peer-node";
import { BranchCacheError, formatEndpoint, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { Settings } from "../config/schema.ts";
import { shownHost } from "../option-values.ts";
import { Resources } from "../resources.ts";
import { loadServerSecret } from "../secret-file.ts";
import type { DaemonStore } from "./daemon-store.ts";

export interface ContentServer {
  readonly url: string;
  /** Takes no more requests at once; answers under way have so many milliseconds to end, default two seconds. */
  close(graceMs?: number): Promise<void>;
}

/** Contents hashed at a time; each is read by several threads. */
const CONCURRENCY = 2;
const RANGE_WAIT_MS = 10_000;

/** `settings`: enabled, with a root or an origin. Errors: `BC_SERVE_ROOT`, those of `listen`, each with its key. */
export async function startContentServer(
  settings: Settings["content_server"],
  store: Pick<DaemonStore, "publications">,
  observer: Observer,
): Promise<ContentServer> {
  const {
    root,
    origin,
    listen: address,
    min_size: minSizeBytes,
    secret_file: secretFile,
    versions,
  } = settings;
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
    if (root !== undefined) await checkRoot(root);
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
    const at = await listen(server, address, observer);
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

async function checkRoot(root: string): Promise<void> {
  const found = await stat(root).catch((error: unknown) => {
    throw new BranchCacheError(
      "BC_SERVE_ROOT",
      `content_server.root: cannot serve ${root}: ${String(error)}`,
      {
        cause: error,
      },
    );
  });
  if (!found.isDirectory()) {
    throw new BranchCacheError("BC_SERVE_ROOT", `content_server.root: ${root} is no directory`);
  }
  await readdir(join(root)).catch((error: unknown) => {
    throw new BranchCacheError(
      "BC_SERVE_ROOT",
      `content_server.root: cannot read ${root}: ${String(error)}`,
      {
        cause: error,
      },
    );
  });
}
