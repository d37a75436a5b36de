import { type Decoded, type Layout, list, struct, u32be } from "@branchcache/runtime";
import { MAX_RANGES } from "../limits.ts";
import { messageKind } from "./message.ts";
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
export type GetBlockList = Decoded<typeof getBlockList.body>;
