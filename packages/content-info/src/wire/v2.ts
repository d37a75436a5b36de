/** Content Information 2.0 on the wire. Every number is big-endian. [MS-PCCRC] 2.4 */
import { bytes, constant, type Layout, refine, struct, u8, u32be, u64be } from "@branchcache/runtime";
import { V2_MAX_SEGMENT_BYTES } from "../constants.ts";

/** SHA-512 cut to 32 bytes. Drafts show 0x01 for SHA-256; no server sends it. */
const ALGORITHM_ID = 0x04;

export interface HeaderV2 {
  readonly hashAlgorithm: number;
  readonly startInContent: number;
  readonly indexOfFirstSegment: number;
  readonly offsetInFirstSegment: number;
  readonly lengthOfRange: number;
}

/** What follows the version, up to the chunks; 29 bytes. */
export const headerV2: Layout<HeaderV2> = struct("ContentInformation", {
  hashAlgorithm: constant(u8, ALGORITHM_ID), // bHashAlgo
  startInContent: u64be, // ullStartInContent
  indexOfFirstSegment: u64be, // ullIndexOfFirstSegment
  offsetInFirstSegment: u32be, // dwOffsetInFirstSegment
  lengthOfRange: u64be, // ullLengthOfRange; 0: the whole content
});
export const HEADER_V2_BYTES = 29;
export const ALGORITHM_ID_V2: number = ALGORITHM_ID;

export interface SegmentDescriptionV2 {
  readonly lengthBytes: number;
  readonly hashOfData: Uint8Array;
  readonly secret: Uint8Array;
}

/** One segment, 68 bytes. [MS-PCCRC] 2.4.1.2 */
export const segmentDescriptionV2: Layout<SegmentDescriptionV2> = struct("SegmentDescription", {
  lengthBytes: refine(u32be, segmentLengthFault), // cbSegment
  hashOfData: bytes(32), // SegmentHashOfData
  secret: bytes(32), // SegmentSecret, never logged
});
export const SEGMENT_DESCRIPTION_V2_BYTES = 68;

/** With what each chunk begins; chunkData follows. [MS-PCCRC] 2.4.1.1 */
export const chunkHead: Layout<ChunkHead> = struct("ChunkDescription", {
  type: constant(u8, 0), // bChunkType
  dataLength: refine(u32be, chunkLengthFault), // dwChunkDataLength
});
export interface ChunkHead {
  readonly type: number;
  readonly dataLength: number;
}
export const CHUNK_HEAD_BYTES = 5;

function segmentLengthFault(length: number): string | undefined {
  if (length >= 1 && length <= V2_MAX_SEGMENT_BYTES) return undefined;
  return `a segment of ${length} bytes; 1 to ${V2_MAX_SEGMENT_BYTES} allowed`;
}

function chunkLengthFault(length: number): string | undefined {
  if (length > 0 && length % SEGMENT_DESCRIPTION_V2_BYTES === 0) return undefined;
  return `${length} bytes are not one or more descriptions of ${SEGMENT_DESCRIPTION_V2_BYTES}`;
}
