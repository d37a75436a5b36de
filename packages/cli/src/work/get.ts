import { access } from "node:fs/promises";
import { originClient } from "@branchcache/http-encoding/node";
import {
  type BranchCache,
  connectBranchCache,
  createFileSink,
  createStreamSink,
  type DownloadReport,
  download,
  startPeerNode,
} from "@branchcache/peer-node";
import type { EventLevel } from "@branchcache/runtime";
import { BranchCacheError, errorCode, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { explainText } from "../explain.ts";
import { type LogFormat, logObserver } from "../log-observer.ts";
import { socketsToTry } from "../paths.ts";
import { progressBar, sourcesText, totalBytes } from "../progress.ts";
import { Resources } from "../resources.ts";
import { stopSignal } from "../stop-signals.ts";
import { openStore } from "../store.ts";
import { formatBytes, formatDuration, formatRate, formatShare } from "../units.ts";

export interface GetOptions {
  readonly output?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly daemon: boolean;
  readonly peerdist: boolean;
  readonly socket?: string;
  readonly cacheDir: string;
  readonly cacheSize?: number;
  readonly interface?: readonly string[];
  readonly discoveryPort: number;
  readonly discoveryWait: number;
  readonly mode: "local" | "distributed";
  readonly maxVersion: 1 | 2;
  readonly explain?: true;
  readonly json?: true;
  readonly quiet?: true;
  readonly logLevel: EventLevel;
  readonly logFormat?: LogFormat;
}

export async function runGet(url: string, options: GetOptions): Promise<void> {
  const target = options.output ?? (await fileNameOf(url));
  if (target === "-" && options.json) {
    throw new BranchCacheError("BC_USAGE", "--json and -o - both want standard output");
  }
  const observer = logObserver({
    level: options.logLevel,
    format: options.logFormat,
  });
  const signal = stopSignal();
  await using resources = new Resources();
  const branchCache = await openBranchCache(options, observer, resources);
  const origin = originClient({ clock: systemClock, observer, proxyFromEnvironment: true });
  resources.defer(() => origin.close());
  const file = target === "-" ? undefined : resources.use(await createFileSink(target, url));
  const bar = progressBar({
    stream: process.stderr,
    enabled: !options.quiet,
    now: () => systemClock.monotonicMs(),
  });
  resources.defer(() => bar.stop());
  const report = await download({
    url,
    origin,
    branchCache,
    sink: file ?? createStreamSink(process.stdout, signal),
    clock: systemClock,
    observer,
    signal,
    offer: options.peerdist,
    explain: options.explain === true,
    maxVersion: options.maxVersion,
    onProgress: (progress) => bar.update(progress),
    ...(options.header ? { headers: options.header } : {}),
  });
  await file?.commit();
  bar.stop();
  if (options.explain && !options.json) process.stderr.write(`${explainText(report)}\n\n`);
  if (options.json) process.stdout.write(`${JSON.stringify(jsonReport(url, target, report))}\n`);
  else if (!options.quiet) process.stderr.write(`${summary(target, report)}\n`);
}

async function openBranchCache(
  options: GetOptions,
  observer: Observer,
  resources: Resources,
): Promise<BranchCache> {
  if (options.daemon) {
    for (const path of options.socket === undefined ? socketsToTry() : [options.socket]) {
      try {
        const daemon = await connectBranchCache(path);
        resources.defer(() => daemon.close());
        return daemon;
      } catch (error) {
        if (options.socket !== undefined || errorCode(error) !== "BC_DAEMON_UNREACHABLE") throw error;
      }
    }
  }
  const store = await openStore({ ...options, observer });
  resources.defer(() => store.close());
  const node = await startPeerNode({
    store,
    mode: options.mode,
    observer,
    discovery: { port: options.discoveryPort, waitMs: options.discoveryWait },
    ...(options.interface ? { interfaces: options.interface } : {}),
  });
  resources.defer(() => node.close());
  return node;
}

/** Refuses to overwrite what was not named. */
async function fileNameOf(url: string): Promise<string> {
  let name: string;
  try {
    name = decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
  } catch {
    throw new BranchCacheError("BC_USAGE", `${url} is no URL`);
  }
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    throw new BranchCacheError("BC_USAGE", "the URL names no file: use -o FILE");
  }
  const exists = await access(name).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new BranchCacheError("BC_USAGE", `${name} exists already: name it with -o to overwrite it`);
  return name;
}

function summary(target: string, report: DownloadReport): string {
  const { lengthBytes, bytes, elapsedMs } = report;
  const branch = totalBytes(bytes) - bytes.origin;
  return (
    `${target === "-" ? "done" : target}: ${formatBytes(lengthBytes)} in ${formatDuration(elapsedMs)} ` +
    `(${formatRate(lengthBytes, elapsedMs)}), ${formatShare(branch, lengthBytes)} from the branch: ${sourcesText(bytes)}`
  );
}

function jsonReport(url: string, file: string, report: DownloadReport): Record<string, unknown> {
  return {
    url,
    file,
    length_bytes: report.lengthBytes,
    bytes: report.bytes,
    content_information_bytes: report.contentInformationBytes,
    content_information_version: report.version ?? null,
    elapsed_ms: Math.round(report.elapsedMs),
    restarts: report.restarts,
    cached: report.cached,
    answer: report.answer,
    explanation: report.explanation,
  };
}
