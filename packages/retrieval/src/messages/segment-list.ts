import { bytes, list, sizedBytes, struct, u32be } from "@branchcache/runtime";
import { MAX_RESPONSE_BYTES, MAX_SEGMENT_IDS } from "../limits.ts";
import { type MessageBody, messageKind } from "./message.ts";
import { segmentRange } from "./ranges.ts";

/** Which of the segments asked for are held, in full or in part. [MS-PCCRR] 2.2.5.4 */
export const segmentList = messageKind({
  name: "MSG_SEGLIST",
  type: 7,
  direction: "response",
  major: 2,
  body: struct("MSG_SEGLIST", {
    /** Copied from the request. */
    requestId: bytes(16),
    /** Indexes into the request's IDs. */
    ranges: list(u32be, segmentRange, { max: MAX_SEGMENT_IDS }),
    /** ExtensibleBlob, see `decodeSegmentAges`. Its indexes count from the first segment of the first range. */
    blob: sizedBytes(u32be, { max: MAX_RESPONSE_BYTES }),
  }),
});
/** Body of a MSG_SEGLIST: which of the segments asked for are held. [MS-PCCRR] 2.2.5.4 */
export type SegmentList = MessageBody<typeof segmentList>;
