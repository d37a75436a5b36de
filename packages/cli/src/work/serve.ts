import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createHashingPool, nodeHashEngine } from "@branchcache/content-info/node";
import { peerDistDirectory } from "@branchcache/http-encoding/node";
import { closeServer, type ListenAddress, listen } from "@branchcache/peer-node";
import type { EventLevel } from "@branchcache/runtime";
import { BranchCacheError, formatEndpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { logObserver } from "../log-observer.ts";
import { shownHost } from "../option-values.ts";
import { Resources } from "../resources.ts";
import { loadServerSecret } from "../secret-file.ts";
import { aborted, stopSignal } from "../stop-signals.ts";
import { openStore } from "../store.ts";

export interface ServeOptions {
  readonly listen: ListenAddress;
  readonly cacheDir: string;
  readonly cacheSize?: number;
  readonly secretFile: string;
  readonly minSize: number;
  readonly logLevel: EventLevel;
  readonly logFormat?: "json" | "text";
}

export async function runServe(root: string, options: ServeOptions): Promise<void> {
  const found = await stat(root).catch((error: unknown) => {
    throw new BranchCacheError("BC_SERVE_ROOT", `cannot serve ${root}: ${String(error)}`, { cause: error });
  });
  if (!found.isDirectory()) throw new BranchCacheError("BC_SERVE_ROOT", `${root} is no directory`);
  const observer = logObserver({
    level: options.logLevel,
    format: options.logFormat ?? (process.stderr.isTTY ? "text" : "json"),
  });
  const signal = stopSignal();
  const secret = await loadServerSecret(options.secretFile);
  await using resources = new Resources();
  const store = await openStore({ ...options, observer });
  resources.defer(() => store.close());
  const pool = resources.use(createHashingPool());
  const directory = peerDistDirectory({
    root,
    store: store.publications,
    hashFile: (path, hashSignal) => pool.publishFile(path, { signal: hashSignal }),
    secret,
    engine: nodeHashEngine,
    minSizeBytes: options.minSize,
    clock: systemClock,
    observer,
  });
  resources.defer(() => directory.close());
  const server = createServer(directory.handler);
  const address = await listen(server, options.listen, observer);
  resources.defer(() => closeServer(server));
  observer.event("info", "service.started", {
    root,
    url: `http://${formatEndpoint({ ...address, address: shownHost(address.address) })}/`,
    cache: options.cacheDir,
    pid: process.pid,
  });
  await aborted(signal);
  observer.event("info", "service.stopping");
}
