/** The interface to hashing: the same algorithms by whatever library the platform has. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { HashAlgorithm } from "./types.ts";

/** A hash in the making. Neither method may be called after `digest`. */
export interface RunningHash {
  /** Takes the next piece of the input; keeps no reference to it. */
  update(bytes: Uint8Array): void;
  /** 32, 48 or 64 bytes, owned by the caller. */
  digest(): Uint8Array;
}

/** Synchronous; results are fresh arrays. `sha512-truncated` is the first 32 bytes of SHA-512. [MS-PCCRC] 2.2 */
export interface HashEngine {
  /** The hash of the parts joined. */
  hash(algorithm: HashAlgorithm, ...parts: readonly Uint8Array[]): Uint8Array;
  /** RFC 2104 over the parts joined; for `sha512-truncated` only the result is cut. */
  hmac(algorithm: HashAlgorithm, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** Starts a hash of input that comes in pieces. */
  create(algorithm: HashAlgorithm): RunningHash;
}

const NOBLE = { sha256, sha384, sha512, "sha512-truncated": sha512 } as const;

function cut(algorithm: HashAlgorithm, digest: Uint8Array): Uint8Array {
  return algorithm === "sha512-truncated" ? digest.slice(0, 32) : digest;
}

/** Plain JavaScript, for browsers and every other runtime. */
export const nobleHashEngine: HashEngine = {
  hash(algorithm, ...parts) {
    const running = NOBLE[algorithm].create();
    for (const part of parts) running.update(part);
    return cut(algorithm, running.digest());
  },
  hmac(algorithm, key, ...parts) {
    const running = hmac.create(NOBLE[algorithm], key);
    for (const part of parts) running.update(part);
    return cut(algorithm, running.digest());
  },
  create(algorithm) {
    const running = NOBLE[algorithm].create();
    return {
      update: (bytes) => {
        running.update(bytes);
      },
      digest: () => cut(algorithm, running.digest()),
    };
  },
};
