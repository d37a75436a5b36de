import { resolve } from "node:path";
import type { SegmentSummary } from "@branchcache/cache-store";
import { BranchCacheError, fromHex, type Observer, silentObserver, toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { daemonCache } from "../cache/cache-methods.ts";
import { type ManagedCache, managedCache } from "../cache/managed-cache.ts";
import { originText } from "../config/layers.ts";
import { resolveConfig } from "../config/resolve.ts";
import { amountBar } from "../progress.ts";
import { stopSignal } from "../stop-signals.ts";
import { formatBytes, formatCount, formatDuration, formatShare } from "../units.ts";
import { confirm } from "./cache-confirm.ts";
import { type CachePlaceOptions, openCache } from "./cache-place.ts";

export interface CacheOptions extends CachePlaceOptions {
  readonly controlSocket?: string;
  readonly json?: true;
}
export interface CacheListOptions extends CacheOptions {
  readonly tag?: string;
  readonly sort: "size" | "age" | "used" | "hits";
}
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
  /** The file of settings, where one was named. */
  readonly config?: string;
}
export interface CacheClearOptions extends CacheOptions {
  readonly tag?: readonly string[];
  readonly pinned?: true;
  readonly hashes?: true;
  readonly force?: true;
}

export async function showCache(options: CacheOptions): Promise<void> {
  await withStore(options, async ({ blocks, hashUsage, places: directories }) => {
    const usage = await blocks.usage();
    const { maxAgeMs } = await blocks.limits();
    const { hits, gone, latest, pinnedBytes, oldestMs } = await blocks.statistics();
    const hashes = await hashUsage();
    const { complete, partial } = usage.segments;
    print(options, {
      json: {
        directories,
        bytes: usage.bytes,
        limit_bytes: Number.isFinite(usage.limitBytes) ? usage.limitBytes : null,
        pinned_bytes: pinnedBytes ?? null,
        segments: { complete, partial },
        oldest: isoTime(oldestMs),
        max_age_ms: maxAgeMs ?? null,
        hits,
        gone,
        latest: latest.map(({ id, atMs, ...note }) => ({ id: toHex(id), ...note, at: isoTime(atMs) })),
        hashes: { entries: hashes.entries, bytes: hashes.bytes, limit_bytes: hashes.limitBytes ?? null },
      },
      text: [
        ...directories.map((path, i) => `${i === 0 ? "Cache     " : "          "} ${path}`),
        `Held       ${ofLimit(usage.bytes, usage.limitBytes)}` +
          (pinnedBytes === undefined ? "" : `, ${formatBytes(pinnedBytes)} pinned`),
        `Segments   ${complete} complete, ${partial} partial`,
        `Oldest     ${ageText(oldestMs)}; kept ${maxAgeMs === undefined ? "for ever" : formatDuration(maxAgeMs)}`,
        `Read       ${hits} blocks since the cache was made`,
        `Hashes     ${hashes.entries} files, ${ofLimit(hashes.bytes, hashes.limitBytes)}`,
        `Gone       ${Object.entries(gone)
          .map(([why, { segments, bytes }]) => `${REASONS[why] ?? why} ${segments} (${formatBytes(bytes)})`)
          .join(", ")}`,
        ...latest
          .slice(0, LATEST_SHOWN)
          .map(
            ({ id, reason, bytes, atMs }) =>
              `           ${isoTime(atMs)} ${toHex(id)} ${formatBytes(bytes)}, ${REASONS[reason]}`,
          ),
      ],
    });
  });
}

/** A cluster's servers may have no limit, and have none for hashes. */
function ofLimit(bytes: number, limitBytes = Number.POSITIVE_INFINITY): string {
  if (!Number.isFinite(limitBytes)) return formatBytes(bytes);
  return `${formatBytes(bytes)} of ${formatBytes(limitBytes)} (${formatShare(bytes, limitBytes)})`;
}

const LATEST_SHOWN = 5;
const REASONS: Readonly<Record<string, string>> = {
  size: "for room",
  age: "too old",
  flush: "cleared",
  corrupt: "damaged",
  removed: "removed",
};

export async function listCache(options: CacheListOptions): Promise<void> {
  await withStore(options, async ({ blocks }) => {
    const segments: SegmentSummary[] = [];
    for await (const segment of blocks.list()) {
      if (options.tag === undefined || segment.tags.includes(options.tag)) segments.push(segment);
    }
    segments.sort(ORDERS[options.sort]);
    print(options, {
      json: segments.map((segment) => ({
        id: toHex(segment.id),
        bytes: segment.bytes,
        length_bytes: segment.lengthBytes,
        held_blocks: segment.heldBlocks,
        verified_blocks: segment.verifiedBlocks,
        total_blocks: segment.totalBlocks,
        created: isoTime(segment.createdMs),
        used: isoTime(segment.usedMs),
        hits: segment.hits,
        trust: segment.trust,
        pins: segment.pins,
        tags: segment.tags,
      })),
      text: [
        "      size      blocks     hits  used                  trust     identifier",
        ...segments.map(
          ({ id, bytes, heldBlocks, totalBlocks, hits, usedMs, trust, pins, tags }) =>
            `${formatBytes(bytes).padStart(10)}  ${`${heldBlocks}/${totalBlocks}`.padStart(10)}  ` +
            `${String(hits).padStart(7)}  ${isoTime(usedMs)}  ${trust.padEnd(8)}  ${toHex(id)}` +
            `${pins > 0 ? " pinned" : ""}${tags.map((tag) => ` #${tag}`).join("")}`,
        ),
      ],
    });
  });
}

const ORDERS: Readonly<Record<CacheListOptions["sort"], (a: SegmentSummary, b: SegmentSummary) => number>> = {
  size: (a, b) => b.bytes - a.bytes,
  age: (a, b) => a.createdMs - b.createdMs,
  used: (a, b) => a.usedMs - b.usedMs,
  hits: (a, b) => b.hits - a.hits,
};

export async function addExtension(path: string, options: CacheAddOptions): Promise<void> {
  const limit = limitOf(options);
  await withStore(options, async ({ onDisk, blocks }) => {
    await onDisk().addExtension(path, limit);
    const { limitBytes } = await blocks.usage();
    print(options, {
      json: { added: path, limit_bytes: limitBytes },
      text: [`${path}: added; all together may hold ${formatBytes(limitBytes)}`],
    });
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
  await withStore(options, async ({ blocks, onDisk }) => {
    let removed = 0;
    for (const id of segments) if (await blocks.removeSegment(id)) removed++;
    if (dir !== undefined && !(await onDisk().removeExtension(dir))) {
      throw new BranchCacheError("BC_CACHE_PATH", `${dir} was not added to this cache`);
    }
    const text = [
      ...(segments.length > 0 ? [`${formatCount(removed, "segment")} removed`] : []),
      ...(dir === undefined ? [] : [`${dir}: no part of the cache any more; what was in it is deleted`]),
    ];
    print(options, { json: { removed, directory: dir }, text });
    if (removed < segments.length) {
      throw new BranchCacheError("BC_NOT_HELD", `${segments.length - removed} segments were not held`);
    }
  });
}

export async function setCache(options: CacheSetOptions): Promise<void> {
  const { maxAge, hashMaxSize, moveTo } = options;
  const sizes = {
    ...limitOf(options),
    ...(hashMaxSize !== undefined && { publicationLimitBytes: hashMaxSize }),
  };
  const hasSizes = Object.keys(sizes).length > 0;
  if (!hasSizes && maxAge === undefined && moveTo === undefined) {
    throw new BranchCacheError("BC_USAGE", "nothing to set (see --help)");
  }
  await withStore(options, async ({ blocks, onDisk, setAge, places }) => {
    // Whatever a cluster cannot do comes first, so that nothing is done by halves.
    if (moveTo !== undefined) await onDisk().moveTo(moveTo);
    if (hasSizes) await onDisk().set(sizes);
    if (maxAge !== undefined) await setAge(maxAge);
    const { limitBytes, maxAgeMs } = await blocks.limits();
    const isBounded = Number.isFinite(limitBytes);
    const place = options.cacheStore === "lmdb" ? (moveTo ?? options.cacheDir) : places.join(", ");
    print(options, {
      json: { limit_bytes: isBounded ? limitBytes : null, max_age_ms: maxAgeMs ?? null, directory: place },
      text: [
        `The cache in ${place} may hold ${isBounded ? formatBytes(limitBytes) : "what its servers allow"}, ` +
          (maxAgeMs === undefined ? "for ever" : `each segment for ${formatDuration(maxAgeMs)}`),
      ],
    });
  });
  await warnOfSettings(options);
}

/** What the configuration says holds again when a daemon starts or reads it anew. */
async function warnOfSettings({
  maxSize,
  maxPercent,
  maxAge,
  hashMaxSize,
  config,
}: CacheSetOptions): Promise<void> {
  const { written } = await resolveConfig({ configFile: config });
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
    process.stderr.write(
      `branchcache: ${key} is set in the configuration (${originText(origin)}), and holds again when the daemon ` +
        `starts; to change it for good: branchcache config set ${key} VALUE\n`,
    );
  }
}

export async function compactCache(options: CacheOptions): Promise<void> {
  await withStore(options, async ({ onDisk }) => {
    const { beforeBytes, afterBytes } = await onDisk().compact();
    print(options, {
      json: { before_bytes: beforeBytes, after_bytes: afterBytes },
      text: [`${formatBytes(beforeBytes)} before, ${formatBytes(afterBytes)} now`],
    });
  });
}

export async function clearCache(options: CacheClearOptions): Promise<void> {
  const { tag, hashes, pinned, force, cacheDir } = options;
  await confirm(`This clears ${tag ? `what is tagged ${tag.join(" or ")} from ` : ""}${cacheDir}`, force);
  await withStore(options, async ({ blocks, forgetHashes }) => {
    const which = { pinned: pinned === true };
    let removed = 0;
    for (const one of tag ?? [undefined]) {
      removed += await blocks.removeAll(one === undefined ? which : { ...which, tag: one });
    }
    const forgotten = hashes ? await forgetHashes() : 0;
    print(options, {
      json: { segments: removed, hashes: forgotten },
      text: [`${removed} segments removed${hashes ? `, ${forgotten} files' hashes` : ""}`],
    });
  });
}

export async function verifyCache(options: CacheOptions): Promise<void> {
  const signal = stopSignal();
  await withStore(options, async ({ blocks, verify }) => {
    const { bytes: heldBytes } = await blocks.usage();
    const now = () => systemClock.monotonicMs();
    const bar = amountBar({ stream: process.stderr, enabled: true, now });
    const startMs = now();
    const report = await verify(signal, (soFar) =>
      bar.update(soFar.bytes, heldBytes, formatCount(soFar.segments, "segment")),
    ).finally(() => bar.stop());
    const { segments, blocks: read, bytes, hashed, damaged } = report;
    const elapsedMs = Math.round(systemClock.monotonicMs() - startMs);
    print(options, {
      json: {
        segments,
        blocks: read,
        bytes,
        hashed,
        elapsed_ms: elapsedMs,
        damaged: damaged.map(({ id, index, by }) => ({ id: toHex(id), block: index, by })),
      },
      text: [
        `${segments} segments, ${read} blocks, ${formatBytes(bytes)} in ${formatDuration(elapsedMs)}; ` +
          `${hashed} checked by their hash` +
          (hashed < read
            ? `, ${read - hashed} by their checksum alone: the key or the hashes are not here`
            : ""),
        ...damaged.map(({ id, index, by }) => `damaged and dropped: block ${index} of ${toHex(id)} (${by})`),
      ],
    });
    if (damaged.length > 0) {
      throw new BranchCacheError("BC_CACHE_DAMAGED", `${damaged.length} blocks were damaged`);
    }
  });
}

function limitOf({ maxSize, maxPercent }: CacheAddOptions): { limitBytes?: number; limitPercent?: number } {
  if (maxSize !== undefined && maxPercent !== undefined) {
    throw new BranchCacheError("BC_USAGE", "--max-size and --max-percent exclude each other");
  }
  if (maxSize !== undefined) return { limitBytes: maxSize };
  return maxPercent === undefined ? {} : { limitPercent: maxPercent };
}

/** A store that is set aside as damaged looks empty: whoever asks has to be told. */
const complaints: Observer = {
  ...silentObserver,
  event(_level, name, fields) {
    if (name !== "cache.corrupt" || fields?.["moved"] === undefined) return;
    const { path, reason, moved } = fields;
    process.stderr.write(
      `branchcache: the cache in ${path} was damaged (${reason}); set aside as ${moved}\n`,
    );
  },
};

/** Through the daemon that uses this cache; where none does, alone. */
async function withStore(options: CacheOptions, work: (cache: ManagedCache) => Promise<void>): Promise<void> {
  const { cacheDir, cacheStore, controlSocket } = options;
  const cache =
    (cacheStore === "lmdb" ? await daemonCache(resolve(cacheDir), controlSocket) : undefined) ??
    (await openAlone(options));
  try {
    await work(cache);
  } finally {
    await cache.close();
  }
}

async function openAlone(options: CacheOptions): Promise<ManagedCache> {
  const { places, onDisk, ...stores } = await openCache(options, complaints);
  return managedCache(stores, places, onDisk);
}

function print(
  options: CacheOptions,
  out: { readonly json: unknown; readonly text: readonly string[] },
): void {
  process.stdout.write(options.json ? `${JSON.stringify(out.json)}\n` : `${out.text.join("\n")}\n`);
}

function isoTime(wallMs: number | undefined): string | null {
  return wallMs === undefined ? null : new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z");
}

function ageText(createdMs: number | undefined): string {
  return createdMs === undefined ? "-" : formatDuration(systemClock.wallMs() - createdMs);
}
