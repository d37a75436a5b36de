import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { createHashingPool } from "@branchcache/content-info/node";
import { fileEtag, filePublications } from "@branchcache/http-encoding/node";
import { BranchCacheError, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import cliProgress from "cli-progress";
import { Resources } from "../resources.ts";
import { stopSignal } from "../stop-signals.ts";
import { openStore } from "../store.ts";
import { formatBytes, formatDuration, formatRate } from "../units.ts";

export interface PublishOptions {
  readonly recurse?: true;
  readonly cacheDir: string;
  readonly cacheSize?: number;
  readonly json?: true;
  readonly quiet?: true;
}

interface Published {
  readonly path: string;
  readonly result: "hashed" | "unchanged" | "failed";
  readonly sizeBytes: number;
  readonly elapsedMs: number;
  readonly reason?: string;
}

export async function runPublish(paths: readonly string[], options: PublishOptions): Promise<void> {
  const signal = stopSignal();
  await using resources = new Resources();
  const store = await openStore({ ...options, observer: silentObserver });
  resources.defer(() => store.close());
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    format: "{bar} {percentage}% {path}",
    barsize: 24,
  });
  const showBar = process.stderr.isTTY === true && !options.quiet && !options.json;
  let lastFailure = "";
  const observer: Observer = {
    ...silentObserver,
    event: (_level, name, fields) => {
      if (name === "publish.failed") lastFailure = String(fields?.["reason"] ?? "");
    },
  };
  const pool = resources.use(createHashingPool());
  const publications = filePublications({
    store: store.publications,
    clock: systemClock,
    observer,
    hashFile: (path, hashSignal) =>
      pool.publishFile(path, {
        signal: AbortSignal.any([hashSignal, signal]),
        onProgress: (done, total) => {
          if (!showBar) return;
          if (bar.isActive) bar.update(done);
          else bar.start(total, done, { path });
        },
      }),
  });
  resources.defer(() => publications.close());

  const publishOne = async (path: string): Promise<Published> => {
    const startMs = systemClock.monotonicMs();
    const elapsed = () => systemClock.monotonicMs() - startMs;
    try {
      const resource = await fileResource(path);
      const { sizeBytes } = resource;
      if (sizeBytes === 0)
        return { path, result: "failed", sizeBytes, elapsedMs: 0, reason: "an empty file" };
      if (await publications.lookup(resource))
        return { path, result: "unchanged", sizeBytes, elapsedMs: elapsed() };
      lastFailure = "the file changed while it was hashed";
      await publications.request(resource);
      signal.throwIfAborted();
      const hashed = (await publications.lookup(resource)) !== undefined;
      return {
        path,
        result: hashed ? "hashed" : "failed",
        sizeBytes,
        elapsedMs: elapsed(),
        ...(hashed ? {} : { reason: lastFailure }),
      };
    } catch (error) {
      signal.throwIfAborted();
      return { path, result: "failed", sizeBytes: 0, elapsedMs: elapsed(), reason: errorMessage(error) };
    } finally {
      if (showBar) bar.stop();
    }
  };

  let failed = 0;
  let done = 0;
  for await (const path of filesOf(paths, options.recurse === true)) {
    const published = await publishOne(path);
    done++;
    if (published.result === "failed") failed++;
    report(published, options);
  }
  if (failed > 0) {
    throw new BranchCacheError("BC_PUBLISH_FAILED", `${failed} of ${done} files could not be hashed`);
  }
}

/** As the content server names it. */
async function fileResource(path: string): Promise<{ key: string; validator: string; sizeBytes: number }> {
  const key = await realpath(path);
  const stats = await lstat(key, { bigint: true });
  if (!stats.isFile()) throw new BranchCacheError("BC_USAGE", "no regular file");
  return { key, validator: fileEtag(stats), sizeBytes: Number(stats.size) };
}

function report(published: Published, options: PublishOptions): void {
  const { path, result, sizeBytes, elapsedMs, reason } = published;
  if (options.json) {
    const line = { path, result, size_bytes: sizeBytes, elapsed_ms: Math.round(elapsedMs), reason };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } else if (result === "failed") {
    process.stderr.write(`${path}: ${reason}\n`);
  } else if (!options.quiet) {
    const how =
      result === "unchanged"
        ? "hashed already"
        : `hashed in ${formatDuration(elapsedMs)} (${formatRate(sizeBytes, elapsedMs)})`;
    process.stdout.write(`${path}: ${formatBytes(sizeBytes)}, ${how}\n`);
  }
}

/** Names that cannot be read are passed on, so that they are reported in their turn. */
async function* filesOf(paths: readonly string[], recurse: boolean): AsyncGenerator<string, void, undefined> {
  for (const path of paths) {
    const found = await lstat(path).catch(() => undefined);
    if (!found?.isDirectory()) yield path;
    else if (recurse) yield* filesBelow(path);
    else throw new BranchCacheError("BC_USAGE", `${path} is a directory: use -r to hash what is in it`);
  }
}

async function* filesBelow(directory: string): AsyncGenerator<string, void, undefined> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".")) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}
