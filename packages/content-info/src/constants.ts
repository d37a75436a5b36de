/** Numbers of [MS-PCCRC] that more than one module needs. */
import type { ContentInformationVersion, HashAlgorithm } from "./types.ts";

/** 32 MiB: every version 1.0 segment but the content's last. [MS-PCCRC] 2.1 */
export const V1_SEGMENT_BYTES = 33_554_432;
/** 64 KiB: every version 1.0 block but the content's last; cbBlockSize. [MS-PCCRC] 2.1 */
export const V1_BLOCK_BYTES = 65_536;
/** 128 KiB: no version 2.0 segment is longer. [MS-PCCRC] 2.4.1.2 */
export const V2_MAX_SEGMENT_BYTES = 131_072;

/** Bytes of a hash, of HoD, Kp and HoHoDk. [MS-PCCRC] 2.3, 2.4 */
export type HashBytes = 32 | 48 | 64;

const HASH_BYTES: Readonly<Record<HashAlgorithm, HashBytes>> = {
  sha256: 32,
  sha384: 48,
  sha512: 64,
  "sha512-truncated": 32,
};

/** Length of the algorithm's hashes in bytes. */
export function hashLengthBytes(algorithm: HashAlgorithm): HashBytes {
  return HASH_BYTES[algorithm];
}

/** Whether the version lists the algorithm. [MS-PCCRC] 2.3 dwHashAlgo, 2.4 bHashAlgo */
export function isAlgorithmOf(version: ContentInformationVersion, algorithm: HashAlgorithm): boolean {
  return (algorithm === "sha512-truncated") === (version === 2);
}
