/** A content server as a process: everything round the handler, until a signal ends it. */
import { createHashingPool, type HashingPool, nodeHashEngine } from "@branchcache/content-info/node";
import {
  createContentServer,
  type GatewayOptions,
  type RequestHandler,
} from "@branchcache/http-encoding/node";
import { closeServer, type ListenAddress, listen } from "@branchcache/peer-node";
import { type EventFields, type EventLevel, formatEndpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { type HashStoreOptions, openHashStore } from "../../cache/hash-store.ts";
import { loadServerSecret } from "../../files/secret-file.ts";
import { shownHost } from "../../options/option-values.ts";
import { Resources } from "../../resources.ts";
import { type LogFormat, logObserver } from "../../telemetry/log-observer.ts";
import { aborted, type StopOptions, stopSignal } from "../../terminal/stop-signals.ts";

export interface ContentServiceOptions extends HashStoreOptions, StopOptions {
  readonly listen: ListenAddress;
  readonly minSize: number;
  readonly includePath?: readonly string[];
  readonly excludePath?: readonly string[];
  readonly includeType?: readonly string[];
  readonly excludeType?: readonly string[];
  readonly rangeWait: number;
  readonly idleTimeout: number;
  readonly secretFile: string;
  readonly logLevel: EventLevel;
  readonly logFormat?: LogFormat;
}

/** Contents hashed at a time; each is read by several threads. */
const CONCURRENCY = 2;

/** `about`: what is served, for the log. */
export async function runContentService(
  options: ContentServiceOptions,
  about: EventFields,
  make: (settings: ContentSettings, pool: HashingPool) => ContentHandler,
): Promise<void> {
  const observer = logObserver({
    level: options.logLevel,
    format: options.logFormat,
  });
  const signal = stopSignal(options);
  const secret = await loadServerSecret(options.secretFile);
  await using resources = new Resources();
  const store = await openHashStore(options, observer);
  resources.defer(() => store.close());
  const pool = resources.use(createHashingPool());
  const settings = {
    minSizeBytes: options.minSize,
    includePaths: options.includePath ?? [],
    excludePaths: options.excludePath ?? [],
    includeTypes: options.includeType ?? [],
    excludeTypes: options.excludeType ?? [],
    rangeWaitMs: options.rangeWait,
    store: store.publications,
    concurrency: CONCURRENCY,
    secret,
    engine: nodeHashEngine,
    clock: systemClock,
    observer,
  };
  const content = make(settings, pool);
  resources.defer(() => content.close());
  const server = createContentServer(content.handler, { idleTimeoutMs: options.idleTimeout });
  const named = { host: "--listen", port: "--listen" };
  const address = await listen(server, { ...options.listen, settings: named }, observer);
  resources.defer(() => closeServer(server));
  observer.event("info", "service.started", {
    ...about,
    url: `http://${formatEndpoint({ ...address, address: shownHost(address.address) })}/`,
    cache: store.name,
    pid: process.pid,
  });
  await aborted(signal);
  observer.event("info", "service.stopping");
}

export interface ContentHandler {
  readonly handler: RequestHandler;
  close(): Promise<void>;
}

/** What every content server is made with. */
export type ContentSettings = Omit<GatewayOptions, "origin" | "hashStream">;
