/** What one pass over content yields: lengths and hashes. It has no keys and no bytes of the content. */

import { hashLengthBytes, requireAlgorithmOf } from "./algorithms.ts";
import { V1_BLOCK_BYTES, V1_SEGMENT_BYTES } from "./constants.ts";
import type { ContentInformationVersion, HashAlgorithm, HashOfData } from "./types.ts";

/**
 * One content, cut and hashed. From it Content Information for any range is written, once a server secret
 * is at hand. Segment indexes count from 0; byte arrays are views and must not be written to.
 */
export interface Publication {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  /** Length of the content. */
  readonly lengthBytes: number;
  readonly segmentCount: number;
  /** Where the segment starts in the content. */
  segmentOffsetBytes(index: number): number;
  /** Bytes of content in the segment: at most 32 MiB in version 1.0, 128 KiB in version 2.0; never 0. */
  segmentLengthBytes(index: number): number;
  /** HoD, 32, 48 or 64 bytes. */
  hashOfData(index: number): HashOfData;
  /** The hashes of all the segment's blocks, joined; of no bytes in version 2.0. */
  blockHashes(index: number): Uint8Array;
  /** The segment that holds the byte at this offset, which must lie in the content. */
  segmentAt(offsetBytes: number): number;
}

/**
 * A publication's numbers and hashes as flat arrays, for stores and worker threads; `publicationFromColumns` makes
 * the publication.
 */
export interface PublicationColumns {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  /** Of all segments, in order. */
  readonly segmentLengths: Uint32Array;
  /** HoD of all segments, joined. */
  readonly hashesOfData: Uint8Array;
  /** Hashes of all blocks of all segments, joined; of no bytes in version 2.0. */
  readonly blockHashes: Uint8Array;
}

/**
 * A publication over these arrays, which it keeps and does not copy. Throws `RangeError` if lengths and
 * hashes do not fit each other, or version 1.0 is not cut every 32 MiB.
 */
export function publicationFromColumns(columns: PublicationColumns): Publication {
  const { version, algorithm, segmentLengths, hashesOfData, blockHashes } = columns;
  requireAlgorithmOf(version, algorithm);
  const hashBytes = hashLengthBytes(algorithm);
  const segmentCount = segmentLengths.length;
  const offsets = new Float64Array(segmentCount + 1);
  let lengthBytes = 0;
  let blocks = 0;
  for (const [index, length] of segmentLengths.entries()) {
    const last = index === segmentCount - 1;
    if (
      length === 0 ||
      (version === 1 && (length > V1_SEGMENT_BYTES || (!last && length < V1_SEGMENT_BYTES)))
    ) {
      throw new RangeError(`segment ${index} of ${length} bytes`);
    }
    lengthBytes += length;
    offsets[index + 1] = lengthBytes;
    if (version === 1) blocks += Math.ceil(length / V1_BLOCK_BYTES);
  }
  if (hashesOfData.length !== segmentCount * hashBytes || blockHashes.length !== blocks * hashBytes) {
    throw new RangeError(`hashes do not fit ${segmentCount} segments and ${blocks} blocks`);
  }
  const segmentBlocksBytes = (V1_SEGMENT_BYTES / V1_BLOCK_BYTES) * hashBytes;
  return {
    version,
    algorithm,
    lengthBytes,
    segmentCount,
    segmentOffsetBytes: (index) => offsets[index]!,
    segmentLengthBytes: (index) => segmentLengths[index]!,
    hashOfData: (index) => hashesOfData.subarray(index * hashBytes, (index + 1) * hashBytes),
    blockHashes: (index) =>
      blockHashes.subarray(
        index * segmentBlocksBytes,
        Math.min((index + 1) * segmentBlocksBytes, blockHashes.length),
      ),
    segmentAt: (offsetBytes) => lastAtOrBefore(offsets, offsetBytes),
  };
}

function lastAtOrBefore(offsets: Float64Array, offsetBytes: number): number {
  let low = 0;
  let high = offsets.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (offsets[middle]! <= offsetBytes) low = middle;
    else high = middle - 1;
  }
  return low;
}
