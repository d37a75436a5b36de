/** Segments as they are offered: between Content Information and descriptors. */
import {
  type Segment,
  V1_BLOCK_BYTES,
  V1_SEGMENT_BYTES,
  V2_MAX_SEGMENT_BYTES,
} from "@branchcache/content-info";
import { CONTENT_TAG_BYTES } from "./limits.ts";
import { HASH_ALGORITHMS, type SegmentDescriptor } from "./messages/batched-offer.ts";

/** What a descriptor says, as the cache keeps it: version 1.0 blocks always have 65,536 bytes. */
export interface OfferedSegment {
  /** HoHoDk: 32 bytes. */
  readonly id: Uint8Array;
  readonly algorithm: "sha256" | "sha512-truncated";
  /** Of all of the segment. */
  readonly lengthBytes: number;
  readonly blockSizeBytes: number;
}

/**
 * Undefined for an algorithm that is not known, and for sizes that no such segment can have: those are skipped,
 * and not a reason to drop the message.
 */
export function offeredSegment(descriptor: SegmentDescriptor): OfferedSegment | undefined {
  const { blockSizeBytes, hashAlgorithm, lengthBytes, segmentId: id } = descriptor;
  switch (hashAlgorithm) {
    case HASH_ALGORITHMS.sha256: {
      const fits =
        blockSizeBytes === V1_BLOCK_BYTES || (lengthBytes <= V1_BLOCK_BYTES && blockSizeBytes >= lengthBytes);
      if (!fits || lengthBytes > V1_SEGMENT_BYTES) return undefined;
      return { id, algorithm: "sha256", lengthBytes, blockSizeBytes: V1_BLOCK_BYTES };
    }
    case HASH_ALGORITHMS["sha512-truncated"]:
      if (lengthBytes > V2_MAX_SEGMENT_BYTES || blockSizeBytes < lengthBytes) return undefined;
      return { id, algorithm: "sha512-truncated", lengthBytes, blockSizeBytes: lengthBytes };
    default:
      return undefined;
  }
}

/** Blocks of the whole segment. */
export function offeredBlocks({ blockSizeBytes, lengthBytes }: OfferedSegment): number {
  return Math.ceil(lengthBytes / blockSizeBytes);
}

/** Undefined for a segment that version 2.0 offers cannot name: of SHA-384 or SHA-512. */
export function descriptorOf(segment: Segment, contentTag: Uint8Array): SegmentDescriptor | undefined {
  if (segment.algorithm === "sha384" || segment.algorithm === "sha512") return undefined;
  return {
    blockSizeBytes: segment.blockSizeBytes,
    lengthBytes: segment.lengthBytes,
    contentTagBytes: CONTENT_TAG_BYTES,
    contentTag,
    hashAlgorithm: HASH_ALGORITHMS[segment.algorithm],
    segmentId: segment.id,
  };
}
