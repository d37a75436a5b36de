/** The hash functions of [MS-PCCRC] 2.2, written for the kit alone, so that it does not share an error with our node. */
import { createHash, createHmac } from "node:crypto";
import type { HashAlgorithm } from "@branchcache/content-info";

const NAMES = { sha256: "sha256", sha384: "sha384", sha512: "sha512", "sha512-truncated": "sha512" };

/** Version 2.0 keeps the first 32 bytes of SHA-512. [MS-PCCRC] 2.2, 2.4 */
function cut(algorithm: HashAlgorithm, digest: Uint8Array): Uint8Array {
  return new Uint8Array(algorithm === "sha512-truncated" ? digest.subarray(0, 32) : digest);
}

export function hashOf(algorithm: HashAlgorithm, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(NAMES[algorithm]);
  for (const part of parts) hash.update(part);
  return cut(algorithm, hash.digest());
}

export function hmacOf(algorithm: HashAlgorithm, key: Uint8Array, message: Uint8Array): Uint8Array {
  return cut(algorithm, createHmac(NAMES[algorithm], key).update(message).digest());
}
