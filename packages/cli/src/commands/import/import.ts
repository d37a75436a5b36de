import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { importPackage } from "@branchcache/cache-store/package";
import { BranchCacheError, silentObserver } from "@branchcache/runtime";
import { blockCheck } from "../../cache/block-check.ts";
import { daemonCache } from "../../cache/cache-methods.ts";
import { type CachePlaceOptions, openCache } from "../../cache/open-cache.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { Resources } from "../../resources.ts";
import { print, snakeCase } from "../../terminal/output.ts";
import { stopSignal } from "../../terminal/stop-signals.ts";
import { formatCount } from "../../terminal/units.ts";
import { packageBar, resumable } from "../export/package-progress.ts";

export interface ImportCommandOptions extends CachePlaceOptions, ControlOptions {
  readonly trust?: true;
  readonly tag?: readonly string[];
  readonly pin?: true;
}

export async function runImport(file: string, options: ImportCommandOptions): Promise<void> {
  const { trust, tag, pin } = options;
  const signal = stopSignal();
  await using resources = new Resources();
  const store = await openCache(await besideDaemon(options), silentObserver);
  resources.defer(() => store.close());
  const bar = packageBar(resources);
  const fileBytes = await stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
  const report = await importPackage({
    file,
    blocks: store.blocks,
    publications: store.publications,
    secrets: store.secrets,
    check: blockCheck(store.secrets),
    unchecked: trust ? "verified" : "blind",
    ...(tag && { tags: tag }),
    pin: pin === true,
    signal,
    onProgress: ({ segments, bytes }) => bar.update(bytes, fileBytes, formatCount(segments, "segment")),
  }).catch((error: unknown) => {
    throw resumable(error, signal);
  });
  bar.stop();
  const { segments, stored, alreadyHeld, checked, refused, publications } = report;
  const isBlind = !trust && stored + alreadyHeld + refused > checked;
  print(options, { file, ...snakeCase(report) }, [
    `${file}: ${segments} segments; ${stored} blocks stored, ${alreadyHeld} held already, ` +
      `${checked} checked by their hash, ${refused} refused; hashes of ${publications} files`,
    ...(isBlind
      ? ["What could not be checked, for want of its secret, only a hosted cache gives on (see --trust)."]
      : []),
  ]);
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
