/** Publications of any length that take no memory: content that never was, its hashes always the same. */
import {
  type Publication,
  V1_BLOCK_BYTES,
  V1_SEGMENT_BYTES,
  V2_MAX_SEGMENT_BYTES,
} from "@branchcache/content-info";

export interface SyntheticPublication extends Publication {
  /** How many segments have been asked for so far. */
  readonly asked: number;
}

export function syntheticPublication(version: 1 | 2, lengthBytes: number): SyntheticPublication {
  const segmentBytes = version === 1 ? V1_SEGMENT_BYTES : V2_MAX_SEGMENT_BYTES;
  const hash = new Uint8Array(32).fill(7);
  const blockHashes = new Uint8Array(version === 1 ? (V1_SEGMENT_BYTES / V1_BLOCK_BYTES) * 32 : 0).fill(9);
  const lengthOf = (index: number) => Math.min(segmentBytes, lengthBytes - index * segmentBytes);
  let asked = 0;
  return {
    version,
    algorithm: version === 1 ? "sha256" : "sha512-truncated",
    lengthBytes,
    segmentCount: Math.ceil(lengthBytes / segmentBytes),
    segmentOffsetBytes: (index) => index * segmentBytes,
    segmentLengthBytes: lengthOf,
    hashOfData: () => {
      asked++;
      return hash;
    },
    blockHashes: (index) =>
      version === 1 ? blockHashes.subarray(0, Math.ceil(lengthOf(index) / V1_BLOCK_BYTES) * 32) : blockHashes,
    segmentAt: (offsetBytes) => Math.floor(offsetBytes / segmentBytes),
    get asked() {
      return asked;
    },
  };
}
