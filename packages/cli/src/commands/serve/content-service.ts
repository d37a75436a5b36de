/** A content server as a process: everything round the handler, until a signal ends it. */
import type { HashingPool } from "@branchcache/content-info/node";
import type { ListenAddress } from "@branchcache/peer-node";
import type { EventFields, EventLevel } from "@branchcache/runtime";
import { type HashStoreOptions, openHashStore } from "../../cache/hash-store.ts";
import {
  type ContentHandler,
  type ContentSettings,
  startContentServer,
} from "../../content/content-server.ts";
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

/** `about`: what is served, for the log. */
export async function runContentService(
  options: ContentServiceOptions,
  about: EventFields,
  make: (settings: ContentSettings, pool: HashingPool) => ContentHandler,
): Promise<void> {
  const observer = logObserver({ level: options.logLevel, format: options.logFormat });
  const signal = stopSignal(options);
  await using resources = new Resources();
  const store = await openHashStore(options, observer);
  resources.defer(() => store.close());
  const server = await startContentServer(
    {
      listen: { ...options.listen, settings: { host: "--listen", port: "--listen" } },
      secretFile: options.secretFile,
      idleTimeoutMs: options.idleTimeout,
      store: store.publications,
      minSizeBytes: options.minSize,
      includePaths: options.includePath ?? [],
      excludePaths: options.excludePath ?? [],
      includeTypes: options.includeType ?? [],
      excludeTypes: options.excludeType ?? [],
      rangeWaitMs: options.rangeWait,
      observer,
    },
    make,
  );
  resources.defer(() => server.close());
  observer.event("info", "service.started", {
    ...about,
    url: server.url,
    cache: store.name,
    pid: process.pid,
  });
  await aborted(signal);
  observer.event("info", "service.stopping");
}
