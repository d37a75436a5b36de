import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { HEADER_BYTES, SIZE_PREFIX_BYTES } from "../limits.ts";
import { block } from "../messages/block.ts";

/** Sizes of VrfBlock and IVBlock, behind the block. */
const SIZES_BYTES = 8;

/**
 * A MSG_BLK with its Size, as head, block and tail: the block itself is not copied. Written field by field, since the
 * declared layout would take longer than all else that a block costs here. [MS-PCCRR] 2.2.5.3
 */
export function encodeBlockInParts(
  segmentId: SegmentId,
  blockIndex: number,
  nextBlockIndex: number,
  { cipher, data, iv }: SealedBlock,
): readonly Uint8Array[] {
  const idEnd = SIZE_PREFIX_BYTES + HEADER_BYTES + 4 + segmentId.length + paddingBytes(segmentId.length);
  const headBytes = idEnd + 12;
  const paddingAfterBlock = paddingBytes(data.length);
  const frame = new Uint8Array(headBytes + SIZES_BYTES + iv.length);
  const view = new DataView(frame.buffer);
  const sizeBytes = frame.length - SIZE_PREFIX_BYTES + data.length + paddingAfterBlock;
  view.setUint32(0, sizeBytes);
  view.setUint16(6, block.major);
  view.setUint32(8, block.type);
  view.setUint32(12, sizeBytes);
  view.setUint32(16, cipher);
  view.setUint32(SIZE_PREFIX_BYTES + HEADER_BYTES, segmentId.length);
  frame.set(segmentId, SIZE_PREFIX_BYTES + HEADER_BYTES + 4);
  view.setUint32(idEnd, blockIndex);
  view.setUint32(idEnd + 4, nextBlockIndex);
  view.setUint32(idEnd + 8, data.length);
  view.setUint32(headBytes + 4, iv.length);
  frame.set(iv, headBytes + SIZES_BYTES);
  const head = frame.subarray(0, headBytes);
  const tail = frame.subarray(headBytes);
  return paddingAfterBlock === 0 ? [head, data, tail] : [head, data, new Uint8Array(paddingAfterBlock), tail];
}

/** To the next multiple of 4. */
function paddingBytes(lengthBytes: number): number {
  return (4 - (lengthBytes % 4)) % 4;
}
