/** Segments and sealed blocks for the benchmarks of the stores. */
import { createHash } from "node:crypto";
import { systemRandom } from "@branchcache/runtime/node";

export const BLOCK_BYTES = 65_536;
export const SEALED_BYTES = BLOCK_BYTES + 16;

/** Distinct ciphertexts are cut from a pool: real bytes, no time spent on making them. */
const pool = systemRandom.bytes(SEALED_BYTES * 64);

/** @param {number} n */
export function sealedBlock(n) {
  const offset = (n * 4099) % (pool.length - SEALED_BYTES);
  return {
    cipher: /** @type {const} */ (1),
    iv: pool.subarray(n % 4096, (n % 4096) + 16),
    data: pool.subarray(offset, offset + SEALED_BYTES),
  };
}

/**
 * The one that block `n` is of.
 *
 * @param {number} n
 * @param {number} blocks in each segment
 */
export function segment(n, blocks) {
  return {
    id: createHash("sha256")
      .update(String(Math.floor(n / blocks)))
      .digest(),
    cipher: /** @type {const} */ (1),
    lengthBytes: blocks * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    tags: [],
    trust: /** @type {const} */ ("verified"),
    algorithm: /** @type {const} */ ("sha256"),
    blockHashes: pool.subarray(0, blocks * 32),
  };
}
