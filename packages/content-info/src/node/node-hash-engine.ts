import { createHash, createHmac } from "node:crypto";
import type { HashEngine } from "../hash-engine.ts";
import type { HashAlgorithm } from "../types.ts";

/** The algorithm as `node:crypto` names it; `sha512-truncated` is cut afterwards. */
export const NATIVE_HASHES = {
  sha256: "sha256",
  sha384: "sha384",
  sha512: "sha512",
  "sha512-truncated": "sha512",
} as const;

/** A `Buffer` may lie in a shared pool; what leaves here never does. */
function cut(algorithm: HashAlgorithm, digest: Buffer): Uint8Array {
  return new Uint8Array(algorithm === "sha512-truncated" ? digest.subarray(0, 32) : digest);
}

/** Node's native hashes; about ten times as fast as plain JavaScript. */
export const nodeHashEngine: HashEngine = {
  hash(algorithm, ...parts) {
    const running = createHash(NATIVE_HASHES[algorithm]);
    for (const part of parts) running.update(part);
    return cut(algorithm, running.digest());
  },
  hmac(algorithm, key, ...parts) {
    const running = createHmac(NATIVE_HASHES[algorithm], key);
    for (const part of parts) running.update(part);
    return cut(algorithm, running.digest());
  },
  create(algorithm) {
    const running = createHash(NATIVE_HASHES[algorithm]);
    return {
      update: (bytes) => {
        running.update(bytes);
      },
      digest: () => cut(algorithm, running.digest()),
    };
  },
};
