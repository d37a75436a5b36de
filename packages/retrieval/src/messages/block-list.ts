import { type Layout, list, struct, u32be } from "@branchcache/runtime";
import { MAX_RANGES, MAX_RESPONSE_BYTES } from "../limits.ts";
import { type MessageBody, messageKind } from "./message.ts";
import { anyBlockRange, blockRange, type IndexRange } from "./ranges.ts";
import { anySegmentId } from "./segment-id.ts";

const body = (range: Layout<IndexRange>, max: number) =>
  struct("MSG_BLKLIST", {
    segmentId: anySegmentId,
    /** BlockRangeCount and BlockRanges: what was asked for and is held. */
    ranges: list(u32be, range, { max }),
    /** The first held block after the last one listed, 0 if there is none. */
    nextBlockIndex: u32be,
  });

/** [MS-PCCRR] 2.2.5.2. From others the ranges may overlap and come in any order, so only the message bounds them. */
export const blockList = messageKind({
  name: "MSG_BLKLIST",
  type: 4,
  direction: "response",
  major: 1,
  body: body(anyBlockRange, MAX_RESPONSE_BYTES / 8),
  sentBody: body(blockRange, MAX_RANGES),
});
/** Body of a MSG_BLKLIST. [MS-PCCRR] 2.2.5.2 */
export type BlockList = MessageBody<typeof blockList>;
