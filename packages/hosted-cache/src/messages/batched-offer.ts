import type { SegmentId } from "@branchcache/content-info";
import {
  bytes,
  constant,
  type Decoded,
  type Layout,
  refine,
  struct,
  u8,
  u16be,
  u32be,
} from "@branchcache/runtime";
import { CONTENT_TAG_BYTES, DESCRIPTOR_BYTES, MAX_DESCRIPTORS } from "../limits.ts";
import { requestHeader } from "./header.ts";
import { restItems } from "./rest.ts";

/** HashAlgorithm: SHA-256, of segments of Content Information 1.0; truncated SHA-512, of 2.0. */
export const HASH_ALGORITHMS = { sha256: 1, "sha512-truncated": 4 } as const;

const positive: Layout<number> = refine(u32be, (value) => (value === 0 ? "nothing has 0 bytes" : undefined));
const segmentId: Layout<SegmentId> = bytes(32);

/** One segment on offer; 59 bytes. [MS-PCHC] 2.2.1.5 */
export const segmentDescriptor = struct("SEGMENT_DESCRIPTOR", {
  /** More than the segment has bytes means one block. */
  blockSizeBytes: positive,
  lengthBytes: positive, // SegmentSize
  contentTagBytes: constant(u16be, CONTENT_TAG_BYTES), // SizeOfContentTag
  contentTag: bytes(CONTENT_TAG_BYTES),
  /** Others than `HASH_ALGORITHMS` are skipped by the receiver. */
  hashAlgorithm: u8,
  segmentId, // SegmentHoHoDk
});
/** A decoded SEGMENT_DESCRIPTOR; sizes in bytes, `segmentId` of 32. [MS-PCHC] 2.2.1.5 */
export type SegmentDescriptor = Decoded<typeof segmentDescriptor>;

/** "I have these segments." Version 2.0. [MS-PCHC] 2.2.1.5 */
export const batchedOffer = struct("BATCHED_OFFER_MESSAGE", {
  header: requestHeader,
  segments: restItems(segmentDescriptor, { itemBytes: DESCRIPTOR_BYTES, min: 1, max: MAX_DESCRIPTORS }),
});
/** A decoded BATCHED_OFFER_MESSAGE: header, and 1 to 128 descriptors. [MS-PCHC] 2.2.1.5 */
export type BatchedOffer = Decoded<typeof batchedOffer>;
