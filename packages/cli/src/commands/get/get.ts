import { originClient } from "@branchcache/http-encoding/node/client";
import type { BranchCache, PeerNode } from "@branchcache/peer-node";
import {
  createFileSink,
  createStreamSink,
  type DownloadOptions,
  type DownloadReport,
  download,
  type FileSink,
} from "@branchcache/peer-node/download";
import { connectBranchCache } from "@branchcache/peer-node/socket";
import {
  BranchCacheError,
  type EventLevel,
  errorCode,
  errorMessage,
  type Observer,
} from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { socketsToTry } from "../../files/paths.ts";
import { Resources } from "../../resources.ts";
import { type LogFormat, logObserver } from "../../telemetry/log-observer.ts";
import { explainText } from "../../terminal/explanation.ts";
import { complain, printJson } from "../../terminal/output.ts";
import { progressBar, sourcesText, totalBytes } from "../../terminal/progress.ts";
import { stopSignal } from "../../terminal/stop-signals.ts";
import { formatBytes, formatDuration, formatRate, formatShare } from "../../terminal/units.ts";
import { checkFile, hashedSink } from "./get-digest.ts";
import { type GetPlanOptions, planGet, type Wanted } from "./get-plan.ts";

export interface GetOptions extends GetPlanOptions {
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

/** Errors: those of the only URL; `BC_GET_FAILED` where there were several, once all were tried. */
export async function runGet(urls: readonly string[], options: GetOptions): Promise<void> {
  const wanted = await planGet(urls, options);
  if (options.json && wanted.some(({ target }) => target === "-")) {
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
  const surroundings = { branchCache, origin, observer, signal };
  let failed = 0;
  for (const one of wanted) {
    try {
      await getOne(one, options, surroundings);
    } catch (error) {
      if (wanted.length === 1 || signal.aborted) throw error;
      failed++;
      reportFailure(one, error, options);
    }
  }
  if (failed > 0) {
    throw new BranchCacheError("BC_GET_FAILED", `${failed} of ${wanted.length} downloads failed`);
  }
}

type Surroundings = Required<Pick<DownloadOptions, "branchCache" | "origin" | "observer" | "signal">>;

async function getOne(
  { url, target, sha256 }: Wanted,
  options: GetOptions,
  surroundings: Surroundings,
): Promise<void> {
  await using resources = new Resources();
  const file = target === "-" ? undefined : resources.use(await fileSink(target, url));
  const pipe = createStreamSink(process.stdout, surroundings.signal);
  const hashed = file || sha256 === undefined ? undefined : hashedSink(pipe);
  const bar = progressBar({ enabled: !options.quiet });
  resources.defer(() => bar.stop());
  const downloaded = download({
    ...surroundings,
    url,
    sink: file ?? hashed?.sink ?? pipe,
    clock: systemClock,
    offer: options.peerdist,
    explain: options.explain === true,
    maxVersion: options.maxVersion,
    onProgress: (progress) => bar.update(progress),
    ...(options.header ? { headers: options.header } : {}),
  });
  const report = await downloaded.catch((error: unknown) => {
    throw file && FULL.has(errorCode(error) ?? "") ? cannotWrite(target, error) : error;
  });
  if (file && sha256 !== undefined) await checkFile(file, report.lengthBytes, url, sha256);
  else if (sha256 !== undefined) hashed?.check(url, sha256);
  await file?.commit();
  bar.stop();
  if (options.explain && !options.json) process.stderr.write(`${explainText(report)}\n\n`);
  if (options.json) printJson(jsonReport(url, target, report));
  else if (!options.quiet) process.stderr.write(`${summary(target, report)}\n`);
}

async function fileSink(target: string, url: string): Promise<FileSink> {
  try {
    return await createFileSink(target, url);
  } catch (error) {
    throw cannotWrite(target, error);
  }
}

/** What a file system says of a disk, or of this user's share of it, that takes no more. */
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

function cannotWrite(target: string, error: unknown): BranchCacheError {
  const { [errorCode(error) ?? ""]: reason = errorMessage(error) } = REASONS;
  const message = `cannot write ${target}: ${reason}; --output names another place`;
  return new BranchCacheError("BC_GET_OUTPUT", message, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its directory is not there",
  ENOTDIR: "what should be its directory is a file",
  EACCES: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the disk",
  EDQUOT: "this user's quota is used up",
};

function reportFailure({ url, target }: Wanted, error: unknown, { json }: GetOptions): void {
  const code = errorCode(error);
  const message = errorMessage(error);
  complain(`${message}${code ? ` (${code})` : ""}`);
  if (json) printJson({ url, file: target, error: { code: code ?? null, message } });
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
  return whenNeeded(() => ownNode(options, observer, resources));
}

/** Small files, and what a server has no Content Information for, come without it. */
function whenNeeded(start: () => Promise<BranchCache>): BranchCache {
  let started: Promise<BranchCache> | undefined;
  return {
    async open(contentInformation, options) {
      started ??= start();
      return (await started).open(contentInformation, options);
    },
    close: async () => (await started)?.close(),
  };
}

/** Node and store are loaded when they are wanted: that takes as long as a small download. */
async function ownNode(options: GetOptions, observer: Observer, resources: Resources): Promise<PeerNode> {
  const [{ startPeerNode }, { openStore }] = await Promise.all([
    import("@branchcache/peer-node"),
    import("../../cache/open-store.ts"),
  ]);
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
