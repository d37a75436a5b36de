import type { BigIntStats } from "node:fs";

/**
 * A strong ETag of size, modification time in nanoseconds and inode: a file that changes within one second
 * does not keep it.
 */
export function fileEtag(stats: BigIntStats): string {
  return `"${stats.size.toString(16)}-${stats.mtimeNs.toString(16)}-${stats.ino.toString(16)}"`;
}
