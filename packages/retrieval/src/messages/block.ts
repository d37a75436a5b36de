import { sizedBytes, struct, u32be } from "@branchcache/runtime";
import { MAX_RESPONSE_BYTES } from "../limits.ts";
import { type MessageBody, messageKind } from "./message.ts";
import { anySegmentId } from "./segment-id.ts";

/** One block, or word that it is not held. [MS-PCCRR] 2.2.5.3 */
export const block = messageKind({
  name: "MSG_BLK",
  type: 5,
  direction: "response",
  major: 1,
  body: struct("MSG_BLK", {
    segmentId: anySegmentId,
    blockIndex: u32be,
    /** The lowest held index above `blockIndex`, 0 if there is none. Advice only. */
    nextBlockIndex: u32be,
    /** SizeOfBlock, Block, ZeroPad_2: as sent, so ciphertext with its padding. Empty: not held. */
    data: sizedBytes(u32be, { max: MAX_RESPONSE_BYTES, padTo: 4 }),
    /** VrfBlock: sent empty, skipped when received. */
    verification: sizedBytes(u32be, { max: MAX_RESPONSE_BYTES, padTo: 4 }),
    /** IVBlock; last, and not padded. */
    iv: sizedBytes(u32be, { max: MAX_RESPONSE_BYTES }),
  }),
});
/** Body of a MSG_BLK. [MS-PCCRR] 2.2.5.3 */
export type Block = MessageBody<typeof block>;
