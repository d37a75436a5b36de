import { lstat, realpath } from "node:fs/promises";
import { createHashingPool, type HashingPool, nodeHashEngine } from "@branchcache/content-info/node";
import {
  fileEtag,
  filePublications,
  type PublicationStore,
  urlPublisher,
} from "@branchcache/http-encoding/node";
import { BranchCacheError, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { type HashStoreOptions, openHashStore } from "../../cache/hash-store.ts";
import { Resources } from "../../resources.ts";
import { printJson, printLines } from "../../terminal/output.ts";
import { amountBar } from "../../terminal/progress.ts";
import { stopSignal } from "../../terminal/stop-signals.ts";
import { formatBytes, formatDuration, formatRate } from "../../terminal/units.ts";
import { type FoundFile, filesOf } from "./files-of.ts";

export interface PublishOptions extends HashStoreOptions {
  readonly recurse?: true;
  readonly urlPrefix?: string;
  readonly origin?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly json?: true;
  readonly quiet?: true;
}

interface Published {
  /** The file, or the URL where it is found. */
  readonly path: string;
  readonly result: "hashed" | "unchanged" | "failed";
  readonly sizeBytes: number;
  readonly elapsedMs: number;
  readonly reason?: string;
}

type Outcome = Pick<Published, "result" | "sizeBytes" | "reason">;

export async function runPublish(paths: readonly string[], options: PublishOptions): Promise<void> {
  if (options.urlPrefix === undefined && (options.origin !== undefined || options.header !== undefined)) {
    throw new BranchCacheError("BC_USAGE", "--origin and --header are for --url-prefix");
  }
  const signal = stopSignal();
  await using resources = new Resources();
  const store = await openHashStore(options, silentObserver);
  resources.defer(() => store.close());
  const pool = resources.use(createHashingPool());
  const toolbox = { store: store.publications, pool, signal, resources };
  const publish =
    options.urlPrefix === undefined ? filePublisher(toolbox, options) : prefixPublisher(toolbox, options);

  let failed = 0;
  let done = 0;
  for await (const file of filesOf(paths, options.recurse === true)) {
    const startMs = systemClock.monotonicMs();
    const { name, work } = publish(file);
    const outcome =
      file.unreadable === undefined
        ? await work().catch((error: unknown): Outcome => {
            signal.throwIfAborted();
            return { result: "failed", sizeBytes: 0, reason: errorMessage(error) };
          })
        : { result: "failed" as const, sizeBytes: 0, reason: file.unreadable };
    done++;
    if (outcome.result === "failed") failed++;
    report({ path: name, ...outcome, elapsedMs: systemClock.monotonicMs() - startMs }, options);
  }
  if (failed > 0) {
    throw new BranchCacheError("BC_PUBLISH_FAILED", `${failed} of ${done} files could not be hashed`);
  }
}

interface Toolbox {
  readonly store: PublicationStore;
  readonly pool: HashingPool;
  readonly signal: AbortSignal;
  readonly resources: Resources;
}

type Publisher = (file: FoundFile) => { readonly name: string; work(): Promise<Outcome> };

/** For `branchcache serve`: the files themselves. */
function filePublisher({ store, pool, signal, resources }: Toolbox, options: PublishOptions): Publisher {
  const enabled = !options.quiet && !options.json;
  let bar = amountBar({ enabled: false });
  let lastFailure = "";
  const observer: Observer = {
    ...silentObserver,
    event: (_level, name, fields) => {
      if (name === "publish.failed") lastFailure = String(fields?.["reason"] ?? "");
    },
  };
  const publications = filePublications({
    store,
    clock: systemClock,
    observer,
    hashFile: (path, hashSignal) =>
      pool.publishFile(path, {
        signal: AbortSignal.any([hashSignal, signal]),
        onProgress: (done, total) => bar.update(done, total, path),
      }),
  });
  resources.defer(() => publications.close());

  const publish = async (path: string): Promise<Outcome> => {
    const resource = await fileResource(path);
    const { sizeBytes } = resource;
    if (sizeBytes === 0) return { result: "failed", sizeBytes, reason: "an empty file" };
    if (await publications.lookup(resource)) return { result: "unchanged", sizeBytes };
    lastFailure = "the file changed while it was hashed";
    bar = amountBar({ enabled });
    await publications.request(resource);
    signal.throwIfAborted();
    const hashed = (await publications.lookup(resource)) !== undefined;
    return hashed ? { result: "hashed", sizeBytes } : { result: "failed", sizeBytes, reason: lastFailure };
  };
  return ({ path }) => ({ name: path, work: () => publish(path).finally(() => bar.stop()) });
}

/** For `branchcache gateway`: what its web server sends under the files' names. */
function prefixPublisher({ store, pool, signal, resources }: Toolbox, options: PublishOptions): Publisher {
  const { origin, header } = options;
  const publisher = urlPublisher({
    store,
    clock: systemClock,
    engine: nodeHashEngine,
    hashStream: (source, hashSignal) => pool.publishStream(source, { signal: hashSignal }),
    ...(origin !== undefined && { origin }),
    ...(header && { headers: header }),
  });
  resources.defer(() => publisher.close());
  return ({ nameBelow }) => {
    const url = urlBelow(options.urlPrefix ?? "", nameBelow);
    const work = async (): Promise<Outcome> => {
      const published = await publisher.publish(url, signal);
      return published.kind === "failed"
        ? { result: "failed", sizeBytes: 0, reason: published.reason }
        : { result: published.kind, sizeBytes: published.sizeBytes };
    };
    return { name: url.href, work };
  };
}

/** Escaped as a client writes it. */
function urlBelow(prefix: string, name: string): URL {
  const url = new URL(prefix);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${name.replaceAll("%", "%25")}`;
  return url;
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
    printJson({ path, result, size_bytes: sizeBytes, elapsed_ms: Math.round(elapsedMs), reason });
  } else if (result === "failed") {
    process.stderr.write(`${path}: ${reason}\n`);
  } else if (!options.quiet) {
    const how =
      result === "unchanged"
        ? "hashed already"
        : `hashed in ${formatDuration(elapsedMs)} (${formatRate(sizeBytes, elapsedMs)})`;
    printLines([`${path}: ${formatBytes(sizeBytes)}, ${how}`]);
  }
}
