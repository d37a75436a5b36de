#!/usr/bin/env node
/** The daemon: a peer that serves its cache, and the cache of every caller on this machine. */
import { type ListenAddress, type PeerNodeOptions, serveApi, startPeerNode } from "@branchcache/peer-node";
import { type EventLevel, formatEndpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { Command, Option } from "commander";
import { startHousekeeping } from "./housekeeping.ts";
import { logObserver } from "./log-observer.ts";
import { parseCount, parseListen } from "./option-values.ts";
import { defaultPaths } from "./paths.ts";
import { peerDistApi } from "./peerdist-api.ts";
import { Resources } from "./resources.ts";
import { runProgram } from "./run.ts";
import { startServeWorkers } from "./serve-workers.ts";
import {
  cacheDirOption,
  cacheSizeOption,
  discoveryPortOption,
  discoveryWaitOption,
  interfaceOption,
  logFormatOption,
  logLevelOption,
  secretFileOption,
  socketOption,
} from "./shared-options.ts";
import { aborted, stopSignal } from "./stop-signals.ts";
import { openStore } from "./store.ts";
import { version } from "./version.ts";

interface DaemonOptions {
  readonly mode: "local" | "distributed";
  readonly listen: ListenAddress;
  readonly maxUploads: number;
  readonly workers: number;
  readonly socket: string;
  readonly secretFile: string;
  readonly cacheDir: string;
  readonly cacheSize?: number;
  readonly interface?: readonly string[];
  readonly discoveryPort: number;
  readonly discoveryWait: number;
  readonly logLevel: EventLevel;
  readonly logFormat?: "json" | "text";
}

const program = new Command("branchcached")
  .description("The BranchCache daemon: keeps a cache, finds peers on the link and serves them.")
  .version(version)
  .addOption(
    new Option("--mode <mode>", "local: asks nobody and serves nobody; distributed: a peer among peers")
      .env("BRANCHCACHE_MODE")
      .choices(["local", "distributed"])
      .default("distributed"),
  )
  .addOption(
    new Option("--listen <[host:]port>", "where peers fetch blocks")
      .env("BRANCHCACHE_PEER_LISTEN")
      .argParser(parseListen)
      .default({ port: 80 }, "80, as on Windows"),
  )
  .addOption(
    new Option("--max-uploads <n>", "block requests answered at once")
      .env("BRANCHCACHE_PEER_MAX_UPLOADS")
      .argParser(parseCount)
      .default(64),
  )
  .addOption(
    new Option("--workers <n>", "processes that serve blocks; 1 is the daemon itself")
      .env("BRANCHCACHE_PEER_WORKERS")
      .argParser(parseCount)
      .default(1),
  )
  .addOption(socketOption().default(defaultPaths().socket))
  .addOption(secretFileOption())
  .addOption(cacheDirOption())
  .addOption(cacheSizeOption())
  .addOption(interfaceOption())
  .addOption(discoveryPortOption())
  .addOption(discoveryWaitOption())
  .addOption(logLevelOption())
  .addOption(logFormatOption())
  .addHelpText(
    "after",
    `
Every option can be set in the environment, as shown. The daemon runs in the foreground, logs to
standard error and stops cleanly on SIGTERM or SIGINT. Open UDP 3702 and the listening port to the link.

Examples:
  branchcached                               as root, on port 80
  branchcached --listen 1337                 as anybody
  branchcached --listen 127.0.0.1:0 --interface 127.0.0.1    trying it on one machine

Exit status: 0 stopped as asked, 1 failed, 2 usage.`,
  )
  .action(runDaemon);

async function runDaemon(options: DaemonOptions): Promise<void> {
  const logFormat = options.logFormat ?? (process.stderr.isTTY ? "text" : "json");
  const observer = logObserver({ level: options.logLevel, format: logFormat });
  const signal = stopSignal();
  await using resources = new Resources();
  const store = await openStore({ ...options, observer });
  resources.defer(() => store.close());
  const housekeeping = startHousekeeping(store.blocks, systemClock, observer);
  resources.defer(() => housekeeping.stop());
  const { mode, listen, maxUploads, workers: count } = options;
  let serving: Pick<PeerNodeOptions, "listen" | "maxUploads" | "servedElsewhere"> = { listen, maxUploads };
  if (mode === "distributed" && count > 1) {
    const { cacheDir, cacheSize, logLevel } = options;
    const settings = { count, listen, maxUploads, cacheDir, cacheSize, logLevel, logFormat, observer };
    const workers = await startServeWorkers(settings);
    resources.defer(() => workers.close());
    serving = { servedElsewhere: workers.serving };
  }
  const node = await startPeerNode({
    ...serving,
    store,
    mode,
    observer,
    discovery: { port: options.discoveryPort, waitMs: options.discoveryWait },
    ...(options.interface ? { interfaces: options.interface } : {}),
  });
  resources.defer(() => node.close());
  const { socket: path, secretFile } = options;
  const protocols = await peerDistApi({ node, socket: path, secretFile, observer });
  const api = await serveApi({ path, branchCache: node, mode: node.mode, observer, protocols });
  resources.defer(() => api.close());
  observer.event("info", "service.started", {
    mode: node.mode,
    serving: node.serving && formatEndpoint(node.serving),
    cache: options.cacheDir,
    socket: options.socket,
    pid: process.pid,
  });
  await aborted(signal);
  observer.event("info", "service.stopping");
  await resources[Symbol.asyncDispose]();
  observer.event("info", "service.stopped");
}

await runProgram(program, process.argv);
