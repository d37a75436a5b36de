/** Where blocks are served: by the daemon itself, or by several processes of it. */
import { type BlockServer, startBlockServer } from "@branchcache/peer-node";
import type { Endpoint, Observer } from "@branchcache/runtime";
import { blocksListener } from "../config/listeners.ts";
import type { Settings } from "../config/schema.ts";
import { hostedDaemonOptions } from "../hosted/from-settings.ts";
import type { DaemonStore } from "./daemon-store.ts";
import { startServeWorkers } from "./serve-workers.ts";

export interface Serving extends Pick<BlockServer, "serving" | "close"> {
  /** Where a hosted cache takes offers by HTTPS. */
  readonly servingTls?: Endpoint | undefined;
}

export async function startServing(
  settings: Settings,
  store: DaemonStore,
  observer: Observer,
): Promise<Serving | undefined> {
  const { api, mode, peer, cache, log } = settings;
  if (mode === "hosted-server") {
    // Loaded here, since only a hosted cache needs what makes certificates.
    const { startHostedDaemon } = await import("../hosted/hosted-service.ts");
    return startHostedDaemon(hostedDaemonOptions(settings, store, observer));
  }
  if (mode === "local") return undefined;
  const { max_uploads: maxUploads, workers: count } = peer;
  const listen = blocksListener(settings);
  if (count === 1) return startBlockServer({ store, listen, maxUploads, observer });
  return startServeWorkers({
    count,
    listen,
    maxUploads,
    cacheDir: cache.data.path,
    cacheSize: cache.data.max_bytes,
    logLevel: log.level,
    logFormat: log.format,
    stopTimeoutMs: api.stop_timeout,
    observer,
  });
}
