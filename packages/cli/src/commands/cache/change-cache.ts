/** `cache add`, `remove`, `set`, `compact` and `clear`. */
import { BranchCacheError, fromHex } from "@branchcache/runtime";
import { originText } from "../../config/layers.ts";
import { resolveConfig } from "../../config/resolve.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import { confirm } from "../../terminal/confirm.ts";
import { complain, print } from "../../terminal/output.ts";
import { formatBytes, formatCount, formatDuration } from "../../terminal/units.ts";
import { type CacheOptions, withCache } from "./with-cache.ts";

export interface CacheAddOptions extends CacheOptions {
  readonly maxSize?: number;
  readonly maxPercent?: number;
}
export interface CacheRemoveOptions extends CacheOptions {
  readonly dir?: string;
  readonly force?: true;
}
export interface CacheSetOptions extends CacheAddOptions {
  readonly maxAge?: number;
  readonly hashMaxSize?: number;
  readonly moveTo?: string;
}
export interface CacheClearOptions extends CacheOptions {
  readonly tag?: readonly string[];
  readonly pinned?: true;
  readonly hashes?: true;
  readonly force?: true;
}

export async function addExtension(path: string, options: CacheAddOptions): Promise<void> {
  const limit = limitOf(options);
  await withCache(options, async ({ onDisk, blocks }) => {
    await onDisk().addExtension(path, limit);
    const { limitBytes } = await blocks.usage();
    print(options, { added: path, limit_bytes: limitBytes }, [
      `${path}: added; all together may hold ${formatBytes(limitBytes)}`,
    ]);
  });
}

export async function removeFromCache(ids: readonly string[], options: CacheRemoveOptions): Promise<void> {
  const { dir, force } = options;
  if (ids.length === 0 && dir === undefined) {
    throw new BranchCacheError("BC_USAGE", "nothing named: identifiers of segments, or --dir");
  }
  const segments = ids.map((text) => {
    const id = fromHex(text);
    if (!id || id.length === 0) throw new BranchCacheError("BC_USAGE", `${text} is no identifier`);
    return id;
  });
  const what = [...(ids.length > 0 ? [`${ids.length} segments`] : []), ...(dir === undefined ? [] : [dir])];
  await confirm(`This removes ${what.join(" and ")} from the cache`, force);
  await withCache(options, async ({ blocks, onDisk }) => {
    let removed = 0;
    for (const id of segments) if (await blocks.removeSegment(id)) removed++;
    if (dir !== undefined && !(await onDisk().removeExtension(dir))) {
      throw new BranchCacheError("BC_CACHE_PATH", `${dir} was not added to this cache`);
    }
    const text = [
      ...(segments.length > 0 ? [`${formatCount(removed, "segment")} removed`] : []),
      ...(dir === undefined ? [] : [`${dir}: no part of the cache any more; what was in it is deleted`]),
    ];
    print(options, { removed, directory: dir }, text);
    if (removed < segments.length) {
      throw new BranchCacheError("BC_NOT_HELD", `${segments.length - removed} segments were not held`);
    }
  });
}

export async function setCache(options: CacheSetOptions, globals: ConfigGlobals): Promise<void> {
  const { maxAge, hashMaxSize, moveTo } = options;
  const sizes = {
    ...limitOf(options),
    ...(hashMaxSize !== undefined && { publicationLimitBytes: hashMaxSize }),
  };
  const hasSizes = Object.keys(sizes).length > 0;
  if (!hasSizes && maxAge === undefined && moveTo === undefined) {
    throw new BranchCacheError("BC_USAGE", "nothing to set (see --help)");
  }
  await withCache(options, async ({ blocks, onDisk, setAge, places }) => {
    // First what a cluster refuses, so that nothing is done by halves.
    if (moveTo !== undefined) await onDisk().moveTo(moveTo);
    if (hasSizes) await onDisk().set(sizes);
    if (maxAge !== undefined) await setAge(maxAge);
    const { limitBytes, maxAgeMs } = await blocks.limits();
    const isBounded = Number.isFinite(limitBytes);
    const place = options.cacheStore === "lmdb" ? (moveTo ?? options.cacheDir) : places.join(", ");
    print(
      options,
      { limit_bytes: isBounded ? limitBytes : null, max_age_ms: maxAgeMs ?? null, directory: place },
      [
        `The cache in ${place} may hold ${isBounded ? formatBytes(limitBytes) : "what its servers allow"}, ` +
          (maxAgeMs === undefined ? "for ever" : `each segment for ${formatDuration(maxAgeMs)}`),
      ],
    );
  });
  await warnOfSettings(options, globals);
}

/** What the configuration says holds again when a daemon starts or reads it anew. */
async function warnOfSettings(
  { maxSize, maxPercent, maxAge, hashMaxSize }: CacheSetOptions,
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  const { written } = await resolveConfig({ configFile });
  const keys = [
    ...(maxSize === undefined && maxPercent === undefined
      ? []
      : ["cache.data.max_bytes", "cache.data.max_percent"]),
    ...(maxAge === undefined ? [] : ["cache.max_age"]),
    ...(hashMaxSize === undefined ? [] : ["cache.hash.max_bytes", "cache.hash.max_percent"]),
  ];
  for (const key of keys) {
    const origin = written.get(key)?.origin;
    if (origin === undefined || origin.kind === "default") continue;
    complain(
      `${key} is set in the configuration (${originText(origin)}), and holds again when the daemon ` +
        `starts; to change it for good: branchcache config set ${key} VALUE`,
    );
  }
}

export async function compactCache(options: CacheOptions): Promise<void> {
  await withCache(options, async ({ onDisk }) => {
    const { beforeBytes, afterBytes } = await onDisk().compact();
    print(options, { before_bytes: beforeBytes, after_bytes: afterBytes }, [
      `${formatBytes(beforeBytes)} before, ${formatBytes(afterBytes)} now`,
    ]);
  });
}

export async function clearCache(options: CacheClearOptions): Promise<void> {
  const { tag, hashes, pinned, force, cacheDir } = options;
  await confirm(`This clears ${tag ? `what is tagged ${tag.join(" or ")} from ` : ""}${cacheDir}`, force);
  await withCache(options, async ({ blocks, forgetHashes }) => {
    const which = { pinned: pinned === true };
    let removed = 0;
    for (const one of tag ?? [undefined]) {
      removed += await blocks.removeAll(one === undefined ? which : { ...which, tag: one });
    }
    const forgotten = hashes ? await forgetHashes() : 0;
    print(options, { segments: removed, hashes: forgotten }, [
      `${removed} segments removed${hashes ? `, ${forgotten} files' hashes` : ""}`,
    ]);
  });
}

function limitOf({ maxSize, maxPercent }: CacheAddOptions): { limitBytes?: number; limitPercent?: number } {
  if (maxSize !== undefined && maxPercent !== undefined) {
    throw new BranchCacheError("BC_USAGE", "--max-size and --max-percent exclude each other");
  }
  if (maxSize !== undefined) return { limitBytes: maxSize };
  return maxPercent === undefined ? {} : { limitPercent: maxPercent };
}
