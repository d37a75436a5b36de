/** One of the processes that `startServeWorkers` starts: it serves blocks and decides nothing. */
import { startBlockServer } from "@branchcache/peer-node";
import { errorCode, errorMessage } from "@branchcache/runtime";
import { openStore } from "../cache/open-store.ts";
import { Resources } from "../resources.ts";
import { logObserver } from "../telemetry/log-observer.ts";
import { aborted, stopSignal } from "../terminal/stop-signals.ts";
import { WORKER_SETTINGS, type WorkerReport, type WorkerSettings } from "./serve-workers.ts";

const settings: WorkerSettings = JSON.parse(process.env[WORKER_SETTINGS] ?? "{}");
const observer = logObserver({ level: settings.logLevel, format: settings.logFormat });
const stop = new AbortController();
// Ctrl-C reaches every process of the terminal; this one leaves it to the daemon to stop its workers. If the daemon
// is gone, it stops by itself.
const signal = AbortSignal.any([stopSignal(), stop.signal]);
process.once("disconnect", () => stop.abort());

const say = (report: WorkerReport) => process.send?.(report);

try {
  await using resources = new Resources();
  const { cacheDir, cacheSize } = settings;
  const store = await openStore({ cacheDir, observer, ...(cacheSize === undefined ? {} : { cacheSize }) });
  resources.defer(() => store.close());
  const { listen, maxUploads } = settings;
  const server = await startBlockServer({ store, listen, maxUploads, observer });
  resources.defer(() => server.close(settings.stopTimeoutMs));
  say({ kind: "serving", serving: server.serving });
  await aborted(signal);
} catch (error) {
  say({ kind: "failed", code: errorCode(error) ?? "BC_INTERNAL", message: errorMessage(error) });
  process.exitCode = 1;
} finally {
  process.disconnect?.();
}
