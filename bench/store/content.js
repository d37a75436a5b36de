// @ts-check
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
 * A content of so many blocks, in segments of `blocksPerSegment`.
 * @param {number} blocks
 * @param {number} blocksPerSegment
 */
export function storeContent(blocks, blocksPerSegment) {
  const segments = Array.from({ length: Math.ceil(blocks / blocksPerSegment) }, (_, index) => ({
    id: createHash("sha256").update(String(index)).digest(),
    cipher: /** @type {const} */ (1),
    lengthBytes: blocksPerSegment * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    tags: [],
    trust: /** @type {const} */ ("verified"),
    algorithm: /** @type {const} */ ("sha256"),
    blockHashes: pool.subarray(0, blocksPerSegment * 32),
  }));
  /** Where the n-th block belongs. @param {number} n */
  const placeOf = (n) => {
    const segment = segments[Math.floor(n / blocksPerSegment)];
    if (segment === undefined) throw new Error(`no block ${n} of ${blocks}`);
    return { segment, index: n % blocksPerSegment };
  };
  return {
    blocks,
    bytes: blocks * SEALED_BYTES,
    segments,
    placeOf,
    /** @param {import("@branchcache/cache-store").BlockStore} store @param {number} n */
    put(store, n) {
      const { index, segment } = placeOf(n);
      return store.putBlock(segment, index, sealedBlock(n));
    },
    /** Some of the blocks, bit by bit. @param {import("@branchcache/cache-store").BlockStore} store */
    async check(store) {
      for (let n = 0; n < blocks; n += 97) {
        const { index, segment } = placeOf(n);
        const got = await store.getBlock(segment.id, index);
        if (!got || Buffer.compare(got.data, sealedBlock(n).data) !== 0)
          throw new Error(`block ${n} differs`);
      }
    },
  };
}
