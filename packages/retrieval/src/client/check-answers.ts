/** Checking an answer against its request, before anything in it is believed. [MS-PCCRR] 3.1.5 */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { equalBytes } from "@branchcache/runtime";
import type { Response } from "../messages/parse.ts";
import { type IndexRange, toRanges } from "../messages/ranges.ts";
import { decodeSegmentAges } from "../messages/segment-ages.ts";

/** An answer that belongs to another request, or contradicts the one it was sent for. */
export interface Mismatch {
  readonly kind: "mismatch";
  readonly reason: string;
}

/**
 * A MSG_BLK that fits its request: the block, sealed and not verified, or word that there is none.
 * `nextBlockIndex` is the lowest index above that the server holds, 0 for none; advice only. [MS-PCCRR] 3.1.5.3
 */
export type BlockAnswer =
  /** The bytes are views of the answer. */
  | { readonly kind: "block"; readonly sealed: SealedBlock; readonly nextBlockIndex: number }
  /** The server does not hold the block, or will not serve it now. */
  | { readonly kind: "empty"; readonly nextBlockIndex: number };

/** A MSG_BLK for this block. 3.1.5.3 */
export function checkBlock(
  response: Response,
  segmentId: SegmentId,
  blockIndex: number,
): BlockAnswer | Mismatch {
  if (response.kind !== "block") return mismatch(`a ${response.kind} for a block`);
  const { blockIndex: sentIndex, data, iv, nextBlockIndex, segmentId: sentId } = response.body;
  if (!equalBytes(sentId, segmentId)) return mismatch("a block of another segment");
  if (sentIndex !== blockIndex) return mismatch(`block ${sentIndex} for block ${blockIndex}`);
  if (data.length === 0) return { kind: "empty", nextBlockIndex };
  return { kind: "block", sealed: { cipher: response.cipher, iv, data }, nextBlockIndex };
}

/** A MSG_BLKLIST that fits its request. [MS-PCCRR] 3.1.5.2 */
export interface BlockListAnswer {
  readonly kind: "blockList";
  /** What the server holds of what was asked for; ascending, without overlaps. */
  readonly ranges: readonly IndexRange[];
  /** The first block that it holds after those, 0 for none; advice only. */
  readonly nextBlockIndex: number;
}

/** A MSG_BLKLIST of this segment whose ranges all overlap the requested ones. 3.1.5.2 */
export function checkBlockList(
  response: Response,
  segmentId: SegmentId,
  requested: readonly IndexRange[],
): BlockListAnswer | Mismatch {
  if (response.kind !== "blockList") return mismatch(`a ${response.kind} for a block list`);
  const { nextBlockIndex, ranges, segmentId: sentId } = response.body;
  if (!equalBytes(sentId, segmentId)) return mismatch("a block list of another segment");
  const held = new Set<number>();
  for (const range of ranges) {
    const overlaps = intersections(range, requested);
    if (overlaps.length === 0) return mismatch("a block range that was not asked for");
    for (const { count, index } of overlaps) for (let i = 0; i < count; i++) held.add(index + i);
  }
  return { kind: "blockList", ranges: toRanges(held), nextBlockIndex };
}

/** A MSG_SEGLIST that fits its request. [MS-PCCRR] 3.1.5.4 */
export interface SegmentListAnswer {
  readonly kind: "segmentList";
  /** Indexes into the requested IDs, ascending. */
  readonly held: readonly number[];
  /** Milliseconds for which the server has had them, by index into the requested IDs, as far as it says. */
  readonly ageMs: ReadonlyMap<number, number>;
}

/** A MSG_SEGLIST for this request whose ranges lie inside the requested IDs. 3.1.5.4 */
export function checkSegmentList(
  response: Response,
  requestId: Uint8Array,
  idCount: number,
): SegmentListAnswer | Mismatch {
  if (response.kind !== "segmentList") return mismatch(`a ${response.kind} for a segment list`);
  const { blob, ranges, requestId: sentId } = response.body;
  if (!equalBytes(sentId, requestId)) return mismatch("a segment list for another request");
  const held = new Set<number>();
  for (const { count, index } of ranges) {
    if (index + count > idCount) return mismatch("a segment range outside of what was asked for");
    for (let i = 0; i < count; i++) held.add(index + i);
  }
  const base = ranges[0]?.index ?? 0;
  const ageMs = new Map<number, number>();
  for (const age of decodeSegmentAges(blob) ?? []) {
    const index = base + age.segmentIndex;
    if (held.has(index)) ageMs.set(index, age.ageMs);
  }
  return { kind: "segmentList", held: [...held].sort((a, b) => a - b), ageMs };
}

function intersections(range: IndexRange, requested: readonly IndexRange[]): IndexRange[] {
  return requested.flatMap((each) => {
    const index = Math.max(range.index, each.index);
    const end = Math.min(range.index + range.count, each.index + each.count);
    return end > index ? [{ index, count: end - index }] : [];
  });
}

function mismatch(reason: string): Mismatch {
  return { kind: "mismatch", reason };
}
