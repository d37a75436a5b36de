import { access } from "node:fs/promises";
import { exportPackage } from "@branchcache/cache-store/package";
import { BranchCacheError, silentObserver } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { type CachePlaceOptions, openCache } from "../../cache/open-cache.ts";
import { Resources } from "../../resources.ts";
import { type OutputOptions, print, snakeCase } from "../../terminal/output.ts";
import { stopSignal } from "../../terminal/stop-signals.ts";
import { formatBytes, formatCount } from "../../terminal/units.ts";
import { packageBar, resumable } from "./package-progress.ts";

export interface ExportCommandOptions extends CachePlaceOptions, OutputOptions {
  readonly tag?: string;
  readonly since?: string;
  readonly writeReference?: string;
  readonly withSecrets?: true;
  readonly force?: true;
}

export async function runExport(file: string, options: ExportCommandOptions): Promise<void> {
  const { tag, since, writeReference, withSecrets, force } = options;
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere && !force) throw new BranchCacheError("BC_USAGE", `${file} exists already: use --force`);
  const signal = stopSignal();
  await using resources = new Resources();
  const store = await openCache(options, silentObserver);
  resources.defer(() => store.close());
  const bar = packageBar(resources);
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
    throw resumable(error, signal);
  });
  bar.stop();
  const { segments, blocks, bytes, publications, skipped, resumed } = report;
  print(options, { file, ...snakeCase(report) }, [
    `${file}: ${formatBytes(bytes)}, ${segments} segments, ${blocks} blocks, hashes of ${publications} files` +
      `${skipped > 0 ? `; ${skipped} blocks left out` : ""}${resumed > 0 ? `; ${resumed} written before` : ""}`,
  ]);
}
