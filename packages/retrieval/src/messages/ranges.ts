import { type Layout, refine, struct, u32be } from "@branchcache/runtime";
import { BLOCKS_PER_SEGMENT } from "../limits.ts";

/** `count` elements from `index` on: BLOCK_RANGE and SEGMENT_RANGE. [MS-PCCRR] 2.2.1.1, 2.2.1.2 */
export interface IndexRange {
  /** The first, counted from 0. */
  readonly index: number;
  /** How many from there on. */
  readonly count: number;
}

const range: Layout<IndexRange> = struct("RANGE", { index: u32be, count: u32be });

/**
 * A BLOCK_RANGE as others send it: it stays inside a segment, but may be empty, since a hosted cache
 * has to answer a request for `[0, 0]`.
 */
export const anyBlockRange: Layout<IndexRange> = refine(range, ({ index, count }) =>
  index + count <= BLOCKS_PER_SEGMENT ? undefined : `blocks ${index} + ${count} leave the segment`,
);

/** A BLOCK_RANGE as it may be sent. [MS-PCCRR] 2.2.1.1 */
export const blockRange: Layout<IndexRange> = refine(anyBlockRange, notEmpty);

/** [MS-PCCRR] 2.2.1.2 */
export const segmentRange: Layout<IndexRange> = refine(range, notEmpty);

function notEmpty({ count }: IndexRange): string | undefined {
  return count > 0 ? undefined : "an empty range";
}

/** The indexes, in any order and with repeats, as few ranges in ascending order. */
export function toRanges(indexes: Iterable<number>): IndexRange[] {
  const sorted = Uint32Array.from(indexes).sort();
  const ranges: { index: number; count: number }[] = [];
  let last: { index: number; count: number } | undefined;
  for (const index of sorted) {
    const end = last ? last.index + last.count : -1;
    if (last && index === end) last.count++;
    else if (!last || index > end) {
      last = { index, count: 1 };
      ranges.push(last);
    }
  }
  return ranges;
}

/** Those of `indexes` that lie in one of the ranges. Work: indexes times ranges, both bounded by a message. */
export function within(indexes: Iterable<number>, ranges: readonly IndexRange[]): number[] {
  const found: number[] = [];
  for (const index of indexes) {
    if (ranges.some((range) => index >= range.index && index < range.index + range.count)) found.push(index);
  }
  return found;
}
