import { type Layout, list, sizedBytes, struct, u32be } from "@branchcache/runtime";
import { MAX_RANGES, MAX_REQUEST_BYTES } from "../limits.ts";
import { type MessageBody, messageKind } from "./message.ts";
import { anyBlockRange, blockRange, type IndexRange } from "./ranges.ts";
import { anySegmentId, segmentId } from "./segment-id.ts";

const body = (id: typeof segmentId, range: Layout<IndexRange>, ranges: { min: number; max: number }) =>
  struct("MSG_GETBLKS", {
    segmentId: id,
    /** ReqBlockRangeCount and ReqBlockRanges. */
    ranges: list(u32be, range, ranges),
    /** DataForVrfBlock: sent empty, skipped when received; nothing pads it. */
    verificationData: sizedBytes(u32be, { max: MAX_REQUEST_BYTES }),
  });

/** "Give me this block." One block a request when sent. [MS-PCCRR] 2.2.4.3 */
export const getBlocks = messageKind({
  name: "MSG_GETBLKS",
  type: 3,
  direction: "request",
  major: 1,
  body: body(anySegmentId, anyBlockRange, { min: 0, max: MAX_RANGES }),
  sentBody: body(segmentId, blockRange, { min: 1, max: MAX_RANGES }),
});
/** Body of a MSG_GETBLKS: a segment and the blocks that are wanted of it; one when sent. [MS-PCCRR] 2.2.4.3 */
export type GetBlocks = MessageBody<typeof getBlocks>;
