/** The hash algorithms of each version, and how long their hashes are. */
import type { ContentInformationVersion, HashAlgorithm } from "./types.ts";

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

/** Throws `RangeError` for an algorithm that the version does not list: the caller's mistake. */
export function requireAlgorithmOf(version: ContentInformationVersion, algorithm: HashAlgorithm): void {
  if (!isAlgorithmOf(version, algorithm)) {
    throw new RangeError(`version ${version} of Content Information does not know ${algorithm}`);
  }
}
