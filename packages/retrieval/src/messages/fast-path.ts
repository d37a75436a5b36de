/**
 * The two messages that every block costs, in the shape that peers give them, read where each field must be. Undefined
 * for every other shape, right or wrong: the declared layouts read those, slower, and say what is wrong with them.
 */
import type { CipherId } from "@branchcache/content-info";
import { BLOCKS_PER_SEGMENT, HEADER_BYTES, MAX_RESPONSE_BYTES, SIZE_PREFIX_BYTES } from "../limits.ts";
import type { Block } from "./block.ts";
import type { GetBlocks } from "./get-blocks.ts";

interface Read<T> {
  readonly cipher: CipherId;
  readonly body: T;
}

/** Minor and major word. */
const VERSION_1_0 = 0x0000_0001;
const GET_BLOCKS = 3;
const BLOCK = 5;
/** Of SHA-256, as Windows has them. */
const ID_BYTES = 32;
const IV_BYTES = 16;
const NOTHING = new Uint8Array(0);

/** SizeOfSegmentID and SegmentID. */
const ID_END = HEADER_BYTES + 4 + ID_BYTES;
/** One range, no DataForVrfBlock. */
const GET_BLOCKS_BYTES = ID_END + 4 + 8 + 4;

/** MSG_GETBLKS for one range. [MS-PCCRR] 2.2.4.3 */
export function readGetBlocksFast(bytes: Uint8Array): Read<GetBlocks> | undefined {
  if (bytes.length !== GET_BLOCKS_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cipher = view.getUint32(12);
  const index = view.getUint32(ID_END + 4);
  const count = view.getUint32(ID_END + 8);
  const isFast =
    view.getUint32(0) === VERSION_1_0 &&
    view.getUint32(4) === GET_BLOCKS &&
    view.getUint32(8) === GET_BLOCKS_BYTES &&
    cipher <= 3 &&
    view.getUint32(HEADER_BYTES) === ID_BYTES &&
    view.getUint32(ID_END) === 1 &&
    index < BLOCKS_PER_SEGMENT &&
    count === 1 &&
    view.getUint32(ID_END + 12) === 0;
  if (!isFast) return undefined;
  const segmentId = bytes.subarray(HEADER_BYTES + 4, ID_END);
  return {
    cipher: cipher as CipherId,
    body: { segmentId, ranges: [{ index, count }], verificationData: NOTHING },
  };
}

const BLOCK_ID = SIZE_PREFIX_BYTES + HEADER_BYTES + 4;
const BLOCK_ID_END = BLOCK_ID + ID_BYTES;
/** Behind BlockIndex, NextBlockIndex and SizeOfBlock. */
const DATA = BLOCK_ID_END + 12;
/** SizeOfVrfBlock, SizeOfIVBlock and the IV. */
const AFTER_DATA_BYTES = 8 + IV_BYTES;

/** MSG_BLK with a block and its IV, and with its Size. [MS-PCCRR] 2.2.5.3 */
export function readBlockFast(bytes: Uint8Array): Read<Block> | undefined {
  const { length } = bytes;
  if (length < DATA + AFTER_DATA_BYTES || length > SIZE_PREFIX_BYTES + MAX_RESPONSE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const cipher = view.getUint32(16);
  const dataBytes = view.getUint32(DATA - 4);
  const end = length - AFTER_DATA_BYTES;
  const paddingBytes = end - DATA - dataBytes;
  const isFast =
    view.getUint32(0) === length - SIZE_PREFIX_BYTES &&
    view.getUint32(4) === VERSION_1_0 &&
    view.getUint32(8) === BLOCK &&
    view.getUint32(12) === length - SIZE_PREFIX_BYTES &&
    cipher <= 3 &&
    view.getUint32(BLOCK_ID - 4) === ID_BYTES &&
    paddingBytes >= 0 &&
    paddingBytes < 4 &&
    (dataBytes + paddingBytes) % 4 === 0 &&
    view.getUint32(end) === 0 &&
    view.getUint32(end + 4) === IV_BYTES;
  if (!isFast) return undefined;
  return {
    cipher: cipher as CipherId,
    body: {
      segmentId: bytes.subarray(BLOCK_ID, BLOCK_ID_END),
      blockIndex: view.getUint32(BLOCK_ID_END),
      nextBlockIndex: view.getUint32(BLOCK_ID_END + 4),
      data: bytes.subarray(DATA, DATA + dataBytes),
      verification: NOTHING,
      iv: bytes.subarray(end + 8),
    },
  };
}
