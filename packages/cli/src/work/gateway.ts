import { createHashingPool, nodeHashEngine } from "@branchcache/content-info/node";
import { createContentServer, createGateway, type ForwardedMode } from "@branchcache/http-encoding/node";
import { closeServer, type ListenAddress, listen } from "@branchcache/peer-node";
import { type EventLevel, formatEndpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { logObserver } from "../log-observer.ts";
import { shownHost } from "../option-values.ts";
import { Resources } from "../resources.ts";
import { loadServerSecret } from "../secret-file.ts";
import { aborted, stopSignal } from "../stop-signals.ts";
import { openStore } from "../store.ts";

export interface GatewayCommandOptions {
  readonly origin: string;
  readonly listen: ListenAddress;
  readonly hostHeader?: "client" | "origin";
  readonly forwarded: ForwardedMode;
  readonly minSize: number;
  readonly includePath?: readonly string[];
  readonly excludePath?: readonly string[];
  readonly includeType?: readonly string[];
  readonly excludeType?: readonly string[];
  readonly rangeWait: number;
  readonly originTimeout: number;
  readonly idleTimeout: number;
  readonly cacheDir: string;
  readonly cacheSize?: number;
  readonly secretFile: string;
  readonly logLevel: EventLevel;
  readonly logFormat?: "json" | "text";
}

export async function runGateway(options: GatewayCommandOptions): Promise<void> {
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
  const gateway = createGateway({
    origin: options.origin,
    ...(options.hostHeader && { hostHeader: options.hostHeader }),
    forwarded: options.forwarded,
    minSizeBytes: options.minSize,
    includePaths: options.includePath ?? [],
    excludePaths: options.excludePath ?? [],
    includeTypes: options.includeType ?? [],
    excludeTypes: options.excludeType ?? [],
    rangeWaitMs: options.rangeWait,
    originTimeoutMs: options.originTimeout,
    store: store.publications,
    hashStream: (source, hashSignal) => pool.publishStream(source, { signal: hashSignal }),
    concurrency: 2,
    secret,
    engine: nodeHashEngine,
    clock: systemClock,
    observer,
  });
  resources.defer(() => gateway.close());
  const server = createContentServer(gateway.handler, { idleTimeoutMs: options.idleTimeout });
  const address = await listen(server, options.listen, observer);
  resources.defer(() => closeServer(server));
  observer.event("info", "service.started", {
    origin: options.origin,
    url: `http://${formatEndpoint({ ...address, address: shownHost(address.address) })}/`,
    cache: options.cacheDir,
    pid: process.pid,
  });
  await aborted(signal);
  observer.event("info", "service.stopping");
}
