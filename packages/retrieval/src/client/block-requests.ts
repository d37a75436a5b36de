import type { CipherId, SegmentId } from "@branchcache/content-info";
import { getBlocks } from "../messages/get-blocks.ts";
import { encodeMessage } from "../messages/message.ts";

/** The block's index stands before its count and SizeOfDataForVrfBlock, at the end. [MS-PCCRR] 2.2.4.3 */
const INDEX_FROM_END = 12;

/** Encoded requests for one block each: the last segment's is kept, and only its index set anew. */
export class BlockRequests {
  readonly #cipher: CipherId;
  #segmentId: SegmentId | undefined;
  #template: Uint8Array = new Uint8Array(0);

  constructor(cipher: CipherId) {
    this.#cipher = cipher;
  }

  /** Owned by the caller. */
  encode(segmentId: SegmentId, blockIndex: number): Uint8Array {
    if (segmentId !== this.#segmentId) {
      const ranges = [{ index: 0, count: 1 }];
      this.#template = encodeMessage(getBlocks, this.#cipher, {
        segmentId,
        ranges,
        verificationData: new Uint8Array(0),
      });
      this.#segmentId = segmentId;
    }
    const message = this.#template.slice();
    new DataView(message.buffer, message.byteOffset).setUint32(message.length - INDEX_FROM_END, blockIndex);
    return message;
  }
}
