import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { nodeHashEngine, publishFile } from "@branchcache/content-info/node";
import { peerDistDirectory } from "@branchcache/http-encoding/node";
import { closeServer, listen } from "@branchcache/peer-node";
import { BranchCacheError, type EventLevel, formatEndpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { Command, Option } from "commander";
import { logObserver } from "../log-observer.ts";
import { Resources } from "../resources.ts";
import { loadServerSecret } from "../secret-file.ts";
import {
  cacheDirOption,
  cacheSizeOption,
  logFormatOption,
  logLevelOption,
  secretFileOption,
} from "../shared-options.ts";
import { aborted, stopSignal } from "../stop-signals.ts";
import { openStore } from "../store.ts";
import { type ListenAddress, parseListen, parseSize } from "../units.ts";

interface ServeOptions {
  readonly listen: ListenAddress;
  readonly cacheDir: string;
  readonly cacheSize?: number;
  readonly secretFile: string;
  readonly minSize: number;
  readonly logLevel: EventLevel;
  readonly logFormat?: "json" | "text";
}

export function serveCommand(): Command {
  return new Command("serve")
    .summary("serve a directory as a BranchCache content server")
    .description(
      "Serves the files below DIR over HTTP. Clients that know BranchCache get Content Information\n" +
        "instead of content once a file is hashed: beforehand by `branchcache publish`, else in the\n" +
        "background after the first request for it. Dotfiles and links that leave DIR are refused.",
    )
    .argument("<dir>", "the directory")
    .addOption(
      new Option("--listen <[host:]port>", "where to listen")
        .env("BRANCHCACHE_SERVE_LISTEN")
        .argParser(parseListen)
        .default({ port: 8080 }, "8080"),
    )
    .addOption(
      new Option("--min-size <size>", "smaller files are always sent plain")
        .env("BRANCHCACHE_MIN_SIZE")
        .argParser(parseSize)
        .default(65_536, "64KiB"),
    )
    .addOption(secretFileOption())
    .addOption(cacheDirOption())
    .addOption(cacheSizeOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addHelpText(
      "after",
      `
Servers that offer the same files need the same secret, or each copy is cached separately.

Examples:
  branchcache serve /srv/images
  branchcache serve . --listen 127.0.0.1:8080 --secret-file ./secret
  branchcache publish /srv/images -r && branchcache serve /srv/images`,
    )
    .action(runServe);
}

async function runServe(root: string, options: ServeOptions): Promise<void> {
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
  const directory = peerDistDirectory({
    root,
    store: store.publications,
    hashFile: (path, hashSignal) => publishFile(path, { versions: [1, 2], signal: hashSignal }),
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

/** An address that a person can click, where the server listens on all. */
function shownHost(address: string): string {
  return address === "::" || address === "0.0.0.0" ? "localhost" : address;
}
