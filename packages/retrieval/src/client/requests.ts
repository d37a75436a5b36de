/** The requests that a download consists of, encoded. [MS-PCCRR] 2.2.4.2, 2.2.4.3 */
import type { CipherId, SegmentId } from "@branchcache/content-info";
import { getBlockList } from "../messages/get-block-list.ts";
import { getBlocks } from "../messages/get-blocks.ts";
import { encodeMessage } from "../messages/message.ts";
import type { IndexRange } from "../messages/ranges.ts";

/** AES_128. Only a preference: the server's answer says which cipher it used. [MS-PCCRR] 2.2.3 */
export const PREFERRED_CIPHER: CipherId = 1;

/** The block's index stands before its count and SizeOfDataForVrfBlock, at the end. [MS-PCCRR] 2.2.4.3 */
const INDEX_FROM_END = 12;

/** MSG_GETBLKLIST. Throws `EncodeError` for no ranges, or for more than 256. */
export function encodeBlockListRequest(segmentId: SegmentId, ranges: readonly IndexRange[]): Uint8Array {
  return encodeMessage(getBlockList, PREFERRED_CIPHER, { segmentId, ranges });
}

/** MSG_GETBLKS for one block each: the last segment's request is kept, and only its index set anew. */
export class BlockRequests {
  #segmentId: SegmentId | undefined;
  #template: Uint8Array = new Uint8Array(0);

  /** Owned by the caller. */
  encode(segmentId: SegmentId, blockIndex: number): Uint8Array {
    if (segmentId !== this.#segmentId) {
      const ranges = [{ index: 0, count: 1 }];
      this.#template = encodeMessage(getBlocks, PREFERRED_CIPHER, {
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
