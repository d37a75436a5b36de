/** Content Information 1.0 on the wire. Every number is little-endian. [MS-PCCRC] 2.3 */
import {
  bytes,
  constant,
  type Layout,
  mapped,
  oneOf,
  refine,
  struct,
  u32le,
  u64le,
} from "@branchcache/runtime";
import type { HashBytes } from "../algorithms.ts";
import { V1_BLOCK_BYTES, V1_SEGMENT_BYTES } from "../constants.ts";
import type { HashAlgorithm } from "../types.ts";

const ALGORITHM_IDS = { sha256: 0x800c, sha384: 0x800d, sha512: 0x800e } as const;
const ALGORITHMS: ReadonlyMap<number, HashAlgorithm> = new Map([
  [0x800c, "sha256"],
  [0x800d, "sha384"],
  [0x800e, "sha512"],
]);

const hashAlgorithm: Layout<HashAlgorithm> = mapped(
  oneOf(u32le, [0x800c, 0x800d, 0x800e]),
  (id) => ALGORITHMS.get(id)!,
  (algorithm) => {
    if (algorithm === "sha512-truncated") throw new RangeError("version 1.0 does not know sha512-truncated");
    return ALGORITHM_IDS[algorithm];
  },
);

/** What follows the version, up to the segments; 16 bytes. */
export const headerV1: Layout<HeaderV1> = struct("ContentInformation", {
  hashAlgorithm, // dwHashAlgo
  offsetInFirstSegment: u32le, // dwOffsetInFirstSegment
  bytesInLastSegment: u32le, // dwReadBytesInLastSegment; 0: to the end of that segment
  segmentCount: refine(u32le, (count) => (count === 0 ? "no segments" : undefined)), // cSegments
});
export interface HeaderV1 {
  readonly hashAlgorithm: HashAlgorithm;
  readonly offsetInFirstSegment: number;
  readonly bytesInLastSegment: number;
  readonly segmentCount: number;
}
export const HEADER_V1_BYTES = 16;

export interface SegmentDescriptionV1 {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly blockSizeBytes: number;
  readonly hashOfData: Uint8Array;
  readonly secret: Uint8Array;
}

/** One segment, 16 + 2h bytes. [MS-PCCRC] 2.3.1.1 */
export function segmentDescriptionV1(hashBytes: HashBytes): Layout<SegmentDescriptionV1> {
  return struct("SegmentDescription", {
    offsetBytes: u64le, // ullOffsetInContent
    lengthBytes: refine(u32le, segmentLengthFault), // cbSegment
    blockSizeBytes: constant(u32le, V1_BLOCK_BYTES), // cbBlockSize
    hashOfData: bytes(hashBytes), // SegmentHashOfData
    secret: bytes(hashBytes), // SegmentSecret, never logged
  });
}

export function segmentDescriptionV1Bytes(hashBytes: HashBytes): number {
  return 16 + 2 * hashBytes;
}

/** cBlocks, with which each SegmentContentBlocks begins; the hashes follow. [MS-PCCRC] 2.3.1.2 */
export const blockListHead: Layout<BlockListHead> = struct("SegmentContentBlocks", {
  blockCount: u32le, // cBlocks
});
export type BlockListHead = { readonly blockCount: number };
export const BLOCK_LIST_HEAD_BYTES = 4;

/** The BlockHashes field for `count` blocks, as one run of bytes. [MS-PCCRC] 2.3.1.2 */
export function blockHashesField(
  count: number,
  hashBytes: HashBytes,
): Layout<{ readonly hashes: Uint8Array }> {
  return struct("SegmentContentBlocks", { hashes: bytes(count * hashBytes) });
}

function segmentLengthFault(length: number): string | undefined {
  if (length >= 1 && length <= V1_SEGMENT_BYTES) return undefined;
  return `a segment of ${length} bytes; 1 to ${V1_SEGMENT_BYTES} allowed`;
}
