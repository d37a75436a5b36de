import { access, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { makeBlockCheck } from "@branchcache/cache-store";
import { exportPackage, importPackage } from "@branchcache/cache-store/package";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { nodeBlockCipher } from "@branchcache/retrieval/node";
import { BranchCacheError, errorMessage, silentObserver } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { daemonCache } from "../cache/cache-methods.ts";
import { type AmountBar, amountBar } from "../progress.ts";
import { Resources } from "../resources.ts";
import { stopSignal } from "../stop-signals.ts";
import { formatBytes, formatCount } from "../units.ts";
import { type CachePlaceOptions, openCache } from "./cache-place.ts";

export interface ExportCommandOptions extends CachePlaceOptions {
  readonly tag?: string;
  readonly since?: string;
  readonly writeReference?: string;
  readonly withSecrets?: true;
  readonly json?: true;
  readonly force?: true;
}

export interface ImportCommandOptions extends CachePlaceOptions {
  readonly trust?: true;
  readonly tag?: readonly string[];
  readonly pin?: true;
  readonly controlSocket?: string;
  readonly json?: true;
}

export async function runExport(file: string, options: ExportCommandOptions): Promise<void> {
  const { tag, since, writeReference, withSecrets, json, force } = options;
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere && !force) throw new BranchCacheError("BC_USAGE", `${file} exists already: use --force`);
  const signal = stopSignal();
  await using resources = new Resources();
  const store = await openCache(options, silentObserver);
  resources.defer(() => store.close());
  const bar = openBar(resources);
  const { bytes: heldBytes } = await store.blocks.usage();
  const report = await exportPackage({
    blocks: store.blocks,
    publications: store.publications,
    ...(withSecrets && { secrets: store.secrets }),
    ...(tag !== undefined && { tag }),
    ...(since !== undefined && { since }),
    ...(writeReference !== undefined && { writeReference }),
    file,
    wallMs: systemClock.wallMs,
    signal,
    // How much a tag or a reference leaves of it nobody knows.
    onProgress: ({ segments, bytes }) =>
      bar.update(
        bytes,
        (tag ?? since) ? undefined : Math.max(bytes, heldBytes),
        formatCount(segments, "segment"),
      ),
  }).catch((error: unknown) => {
    throw goesOn(error, signal);
  });
  bar.stop();
  const { segments, blocks, bytes, publications, skipped, resumed } = report;
  process.stdout.write(
    json
      ? `${JSON.stringify({ file, ...snakeCase(report) })}\n`
      : `${file}: ${formatBytes(bytes)}, ${segments} segments, ${blocks} blocks, hashes of ${publications} files` +
          `${skipped > 0 ? `; ${skipped} blocks left out` : ""}${resumed > 0 ? `; ${resumed} written before` : ""}\n`,
  );
}

export async function runImport(file: string, options: ImportCommandOptions): Promise<void> {
  const { trust, tag, pin, json } = options;
  const signal = stopSignal();
  await using resources = new Resources();
  const store = await openCache(await besideDaemon(options), silentObserver);
  resources.defer(() => store.close());
  const bar = openBar(resources);
  const fileBytes = await stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
  const report = await importPackage({
    file,
    blocks: store.blocks,
    publications: store.publications,
    secrets: store.secrets,
    check: makeBlockCheck({
      engine: nodeHashEngine,
      open: (sealed, secret, lengthBytes) => nodeBlockCipher.open(sealed, secret, lengthBytes),
      secretOf: (id) => store.secrets.get(id),
    }),
    unchecked: trust ? "verified" : "blind",
    ...(tag && { tags: tag }),
    pin: pin === true,
    signal,
    onProgress: ({ segments, bytes }) => bar.update(bytes, fileBytes, formatCount(segments, "segment")),
  }).catch((error: unknown) => {
    throw goesOn(error, signal);
  });
  bar.stop();
  const { segments, stored, alreadyHeld, checked, refused, publications } = report;
  const isBlind = !trust && stored + alreadyHeld + refused > checked;
  process.stdout.write(
    json
      ? `${JSON.stringify({ file, ...snakeCase(report) })}\n`
      : `${file}: ${segments} segments; ${stored} blocks stored, ${alreadyHeld} held already, ` +
          `${checked} checked by their hash, ${refused} refused; hashes of ${publications} files\n` +
          (isBlind
            ? "What could not be checked, for want of its secret, only a hosted cache gives on (see --trust).\n"
            : ""),
  );
  if (refused > 0) throw new BranchCacheError("BC_PACKAGE_REFUSED", `${refused} blocks were refused`);
}

/** Where a daemon uses this cache, the limit that it has now holds here too. */
async function besideDaemon(options: ImportCommandOptions): Promise<CachePlaceOptions> {
  if (options.cacheStore !== "lmdb") return options;
  const daemon = await daemonCache(resolve(options.cacheDir), options.controlSocket);
  if (!daemon) return options;
  try {
    // Its limit is that of all directories together; what is the first one's share is known only where there is one.
    if (daemon.places.length > 1) return options;
    return { ...options, cacheSize: (await daemon.blocks.limits()).limitBytes };
  } finally {
    await daemon.close();
  }
}

function openBar(resources: Resources): AmountBar {
  const now = () => systemClock.monotonicMs();
  const bar = amountBar({ stream: process.stderr, enabled: true, now });
  resources.defer(() => bar.stop());
  return bar;
}

/** Of an interruption: that nothing of what was done is lost. */
function goesOn(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted) return error;
  return new BranchCacheError("BC_INTERRUPTED", `${errorMessage(error)}; the same command goes on from here`);
}

/** As all other JSON of the command. */
function snakeCase(report: object): Record<string, unknown> {
  const entries = Object.entries(report) as [string, unknown][];
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]),
  );
}
