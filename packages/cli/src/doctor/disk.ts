/** Room for the cache. */
import { statfs } from "node:fs/promises";
import { errorMessage } from "@branchcache/runtime";
import { formatBytes } from "../terminal/units.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";

/** Below this a cache is too small to matter: a boot image would push everything else out. */
const SMALL_BYTES = 2 ** 30;

export interface CacheUse {
  /** Of the blocks in the cache. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** Of its files, with their unused pages. */
  readonly diskBytes: number;
}

/** The limit is of blocks alone; records and unused pages come on top of them. */
const SLACK_SHARE = 1.1;
const SLACK_BYTES = 256 * 2 ** 20;

export async function checkCacheDisk(
  path: string,
  { bytes, limitBytes, diskBytes }: CacheUse,
): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  try {
    const { bavail, bsize } = await statfs(path);
    const free = bavail * bsize;
    const wanted = Math.max(0, limitBytes - bytes);
    found.push(
      free < wanted
        ? bad(
            "disk",
            `the cache may grow by ${formatBytes(wanted)}, and its volume has ${formatBytes(free)} free`,
            `free room, or branchcache config set cache.data.max_bytes ${sizeUpTo((bytes + free) * 0.9)}`,
          )
        : good("disk", `${formatBytes(free)} free where the cache may grow by ${formatBytes(wanted)}`),
    );
  } catch (error) {
    found.push(unknown("disk", `cannot look at ${path}: ${errorMessage(error)}`));
  }
  if (diskBytes > limitBytes * SLACK_SHARE + SLACK_BYTES) {
    found.push(
      bad(
        "disk",
        `the cache takes ${formatBytes(diskBytes)} of its volume, and may hold ${formatBytes(limitBytes)}`,
        "branchcache cache compact",
        "cache.compact_advised",
      ),
    );
  }
  if (limitBytes < SMALL_BYTES) {
    found.push(
      bad(
        "cache size",
        `the cache may hold ${formatBytes(limitBytes)}: a single image would push everything else out`,
        "branchcache config set cache.data.max_bytes 20GiB",
      ),
    );
  }
  return found;
}

/** As it is typed: in whole units, of which there are ten at least. */
function sizeUpTo(bytes: number): string {
  const [unit, size] = UNITS.find(([, each]) => bytes >= 10 * each) ?? ["", 1];
  return `${Math.floor(bytes / size)}${unit}`;
}

const UNITS = [
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
] as const;
