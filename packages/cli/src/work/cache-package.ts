import { access } from "node:fs/promises";
import { makeBlockCheck } from "@branchcache/cache-store";
import { exportPackage, importPackage } from "@branchcache/cache-store/package";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { nodeBlockCipher } from "@branchcache/retrieval/node";
import { BranchCacheError, silentObserver } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { Resources } from "../resources.ts";
import { stopSignal } from "../stop-signals.ts";
import { formatBytes } from "../units.ts";
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
  });
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
  const store = await openCache(options, silentObserver);
  resources.defer(() => store.close());
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
  });
  const { segments, stored, alreadyHeld, checked, refused, publications } = report;
  process.stdout.write(
    json
      ? `${JSON.stringify({ file, ...snakeCase(report) })}\n`
      : `${file}: ${segments} segments; ${stored} blocks stored, ${alreadyHeld} held already, ` +
          `${checked} checked by their hash, ${refused} refused; hashes of ${publications} files\n`,
  );
  if (refused > 0) throw new BranchCacheError("BC_PACKAGE_REFUSED", `${refused} blocks were refused`);
}

/** As all other JSON of the command. */
function snakeCase(report: object): Record<string, unknown> {
  const entries = Object.entries(report) as [string, unknown][];
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]),
  );
}
