import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { block } from "../messages/block.ts";
import { encodeMessage } from "../messages/message.ts";

const NOTHING = new Uint8Array(0);
/** Where the block's ciphertext and its padding would stand, counted from the end: VrfBlock's size, IV's size. */
const SIZES_AFTER_BLOCK_BYTES = 8;

/**
 * A MSG_BLK with its Size, as head, block and tail: the block itself is not copied. The head is made by
 * encoding the message without a block, and setting the three sizes that a block changes.
 */
export function encodeBlockInParts(
  segmentId: SegmentId,
  blockIndex: number,
  nextBlockIndex: number,
  { cipher, data, iv }: SealedBlock,
): readonly Uint8Array[] {
  const frame = encodeMessage(block, cipher, {
    segmentId,
    blockIndex,
    nextBlockIndex,
    data: NOTHING,
    verification: NOTHING,
    iv,
  });
  const headBytes = frame.length - iv.length - SIZES_AFTER_BLOCK_BYTES;
  const paddingBytes = (4 - (data.length % 4)) % 4;
  const view = new DataView(frame.buffer);
  const sizeBytes = frame.length - 4 + data.length + paddingBytes;
  view.setUint32(0, sizeBytes);
  view.setUint32(4 + 8, sizeBytes);
  view.setUint32(headBytes - 4, data.length);
  const head = frame.subarray(0, headBytes);
  const tail = frame.subarray(headBytes);
  return paddingBytes === 0 ? [head, data, tail] : [head, data, new Uint8Array(paddingBytes), tail];
}
