/** Serving on every core: worker processes share the port and the store, the daemon does everything else. */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ListenAddress } from "@branchcache/peer-node";
import { BranchCacheError, type Endpoint, type EventLevel, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { LogFormat } from "../telemetry/log-observer.ts";

/** What a worker is told when it starts. */
export interface WorkerSettings {
  readonly listen: ListenAddress;
  /** Of this worker alone. */
  readonly maxUploads: number;
  readonly cacheDir: string;
  readonly cacheSize: number | undefined;
  readonly logLevel: EventLevel;
  readonly logFormat: LogFormat;
  /** Its limit for answers under way once it is told to stop. */
  readonly stopTimeoutMs: number;
}

/** What a worker says once: where it serves, or why it cannot. */
export type WorkerReport =
  | { readonly kind: "serving"; readonly serving: Endpoint }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

export interface ServeWorkers {
  readonly serving: Endpoint;
  /** Answers under way have so many milliseconds, default and at most the workers' limit. */
  close(graceMs?: number): Promise<void>;
}

export interface ServeWorkersOptions extends WorkerSettings {
  readonly count: number;
  readonly observer: Observer;
}

/**
 * Starts the workers; one that dies is replaced after a second. `maxUploads` is the node's, shared out among
 * them. Throws what the first worker could not do.
 */
export async function startServeWorkers(options: ServeWorkersOptions): Promise<ServeWorkers> {
  const { count, observer, ...settings } = options;
  cluster.setupPrimary({ exec: fileURLToPath(new URL("./serve-worker.js", import.meta.url)), args: [] });
  let closing = false;
  const workers = new Map<Worker, Promise<WorkerReport>>();
  const pauses = new Set<() => void>();

  const start = (): Promise<WorkerReport> => {
    const share = { ...settings, maxUploads: Math.max(1, Math.ceil(settings.maxUploads / count)) };
    const worker = cluster.fork({ [WORKER_SETTINGS]: JSON.stringify(share) });
    const report = Promise.race([
      once(worker, "message").then(([message]) => message as WorkerReport),
      once(worker, "exit").then(
        (): WorkerReport => ({
          kind: "failed",
          code: "BC_WORKER_ENDED",
          message: "a serving process ended at once",
        }),
      ),
    ]);
    workers.set(worker, report);
    worker.once("exit", (code, signal) => {
      workers.delete(worker);
      if (closing) return;
      observer.event("warn", "service.worker_ended", { pid: worker.process.pid, code, signal });
      const cancel = systemClock.after(RESTART_MS, () => {
        pauses.delete(cancel);
        if (!closing) void start();
      });
      pauses.add(cancel);
    });
    return report;
  };

  const close = async (graceMs = settings.stopTimeoutMs) => {
    closing = true;
    for (const cancel of pauses) cancel();
    await Promise.all(
      [...workers.keys()].map(async (worker) => {
        const ended = once(worker, "exit");
        worker.process.kill("SIGTERM");
        const cancel = systemClock.after(graceMs + KILL_AFTER_MS, () => worker.process.kill("SIGKILL"));
        await ended;
        cancel();
      }),
    );
  };

  const first = await start();
  if (first.kind === "failed") {
    await close();
    throw new BranchCacheError(first.code, first.message);
  }
  // All workers that ask `node:cluster` for port 0 get the same free port.
  const others = await Promise.all(Array.from({ length: count - 1 }, () => start()));
  const failed = others.find((report) => report.kind === "failed");
  if (failed?.kind === "failed") {
    await close();
    throw new BranchCacheError(failed.code, failed.message);
  }
  return { serving: first.serving, close };
}

export const WORKER_SETTINGS = "BRANCHCACHE_WORKER_SETTINGS";
const RESTART_MS = 1_000;
/** For a worker that does not stop within its limit. Being killed does the store no harm. */
const KILL_AFTER_MS = 2_000;
