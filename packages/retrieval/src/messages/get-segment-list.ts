import { bytes, list, sizedBytes, struct, u32be } from "@branchcache/runtime";
import { MAX_REQUEST_BYTES, MAX_SEGMENT_IDS } from "../limits.ts";
import { type MessageBody, messageKind } from "./message.ts";
import { anySegmentId, segmentId } from "./segment-id.ts";

const body = (id: typeof segmentId) =>
  struct("MSG_GETSEGLIST", {
    /** Opaque; never byte-swapped. */
    requestId: bytes(16),
    segmentIds: list(u32be, id, { min: 1, max: MAX_SEGMENT_IDS }),
    /** ExtensibleBlob, see `decodeSegmentAges`; empty for none. Its indexes count from the first ID here. */
    blob: sizedBytes(u32be, { max: MAX_REQUEST_BYTES }),
  });

/** "Which of these segments have you?" From a hosted cache's client only. [MS-PCCRR] 2.2.4.4 */
export const getSegmentList = messageKind({
  name: "MSG_GETSEGLIST",
  type: 6,
  direction: "request",
  major: 2,
  body: body(anySegmentId),
  sentBody: body(segmentId),
});
/**
 * Body of a MSG_GETSEGLIST: 1 to 2,729 segment identifiers, and a random number that the answer repeats.
 * [MS-PCCRR] 2.2.4.4
 */
export type GetSegmentList = MessageBody<typeof getSegmentList>;
