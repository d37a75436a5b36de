/** `cache show` and `cache list`. */
import type { SegmentSummary } from "@branchcache/cache-store";
import { toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { print } from "../../terminal/output.ts";
import { formatBytes, formatDuration, formatShare } from "../../terminal/units.ts";
import { type CacheOptions, withCache } from "./with-cache.ts";

export interface CacheListOptions extends CacheOptions {
  readonly tag?: string;
  readonly sort: "size" | "age" | "used" | "hits";
}

export async function showCache(options: CacheOptions): Promise<void> {
  await withCache(options, async ({ blocks, hashUsage, places: directories }) => {
    const usage = await blocks.usage();
    const { maxAgeMs } = await blocks.limits();
    const { hits, gone, latest, pinnedBytes, oldestMs } = await blocks.statistics();
    const hashes = await hashUsage();
    const { complete, partial } = usage.segments;
    print(
      options,
      {
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
      [
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
    );
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
  await withCache(options, async ({ blocks }) => {
    const segments: SegmentSummary[] = [];
    for await (const segment of blocks.list()) {
      if (options.tag === undefined || segment.tags.includes(options.tag)) segments.push(segment);
    }
    segments.sort(ORDERS[options.sort]);
    print(
      options,
      segments.map((segment) => ({
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
      [
        "      size      blocks     hits  used                  trust     identifier",
        ...segments.map(
          ({ id, bytes, heldBlocks, totalBlocks, hits, usedMs, trust, pins, tags }) =>
            `${formatBytes(bytes).padStart(10)}  ${`${heldBlocks}/${totalBlocks}`.padStart(10)}  ` +
            `${String(hits).padStart(7)}  ${isoTime(usedMs)}  ${trust.padEnd(8)}  ${toHex(id)}` +
            `${pins > 0 ? " pinned" : ""}${tags.map((tag) => ` #${tag}`).join("")}`,
        ),
      ],
    );
  });
}

const ORDERS: Readonly<Record<CacheListOptions["sort"], (a: SegmentSummary, b: SegmentSummary) => number>> = {
  size: (a, b) => b.bytes - a.bytes,
  age: (a, b) => a.createdMs - b.createdMs,
  used: (a, b) => a.usedMs - b.usedMs,
  hits: (a, b) => b.hits - a.hits,
};

function isoTime(wallMs: number | undefined): string | null {
  return wallMs === undefined ? null : new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z");
}

function ageText(createdMs: number | undefined): string {
  return createdMs === undefined ? "-" : formatDuration(systemClock.wallMs() - createdMs);
}
