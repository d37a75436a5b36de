/** Sets of bytes of a content, as ranges in ascending order that neither overlap nor touch. */
import type { ContentRange } from "@branchcache/content-info";

export type ByteRanges = readonly ContentRange[];

export function withRange(ranges: ByteRanges, { startBytes, endBytes }: ContentRange): ByteRanges {
  if (endBytes <= startBytes) return ranges;
  const before = ranges.filter((range) => range.endBytes < startBytes);
  const after = ranges.filter((range) => range.startBytes > endBytes);
  const touching = ranges.slice(before.length, ranges.length - after.length);
  const merged = {
    startBytes: Math.min(startBytes, touching[0]?.startBytes ?? startBytes),
    endBytes: Math.max(endBytes, touching.at(-1)?.endBytes ?? endBytes),
  };
  return [...before, merged, ...after];
}

export function withoutRange(ranges: ByteRanges, { startBytes, endBytes }: ContentRange): ByteRanges {
  if (endBytes <= startBytes) return ranges;
  return ranges.flatMap((range) =>
    [
      { startBytes: range.startBytes, endBytes: Math.min(range.endBytes, startBytes) },
      { startBytes: Math.max(range.startBytes, endBytes), endBytes: range.endBytes },
    ].filter((part) => part.startBytes < part.endBytes),
  );
}
