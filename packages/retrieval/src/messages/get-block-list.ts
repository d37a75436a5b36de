import { type Layout, list, struct, u32be } from "@branchcache/runtime";
import { MAX_RANGES } from "../limits.ts";
import { type MessageBody, messageKind } from "./message.ts";
import { anyBlockRange, blockRange, type IndexRange } from "./ranges.ts";
import { anySegmentId, segmentId } from "./segment-id.ts";

const body = (id: typeof segmentId, range: Layout<IndexRange>, min: number) =>
  struct("MSG_GETBLKLIST", {
    segmentId: id,
    /** NeededBlocksRangeCount and NeededBlockRanges. */
    ranges: list(u32be, range, { min, max: MAX_RANGES }),
  });

/** "Which of these blocks have you?" [MS-PCCRR] 2.2.4.2 */
export const getBlockList = messageKind({
  name: "MSG_GETBLKLIST",
  type: 2,
  direction: "request",
  major: 1,
  body: body(anySegmentId, anyBlockRange, 0),
  sentBody: body(segmentId, blockRange, 1),
});
/**
 * Body of a MSG_GETBLKLIST: a segment and the blocks that are wanted of it, in at most 256 ranges. [MS-PCCRR]
 * 2.2.4.2
 */
export type GetBlockList = MessageBody<typeof getBlockList>;
