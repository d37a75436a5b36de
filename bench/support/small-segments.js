// @ts-check
/** Segments of one small block each, as many as one likes: what a store or a peer makes of their number. */

export const SMALL_BLOCK_BYTES = 100;

/** Spread over the whole range, as hashes are. @param {number} n */
export function segmentId(n) {
  const id = new Uint8Array(32);
  const view = new DataView(id.buffer);
  view.setUint32(0, Math.imul(n, 2_654_435_761) >>> 0);
  view.setUint32(4, n);
  return id;
}

const block = {
  cipher: /** @type {const} */ (0),
  iv: new Uint8Array(0),
  data: new Uint8Array(SMALL_BLOCK_BYTES),
};

/** @param {import("@branchcache/cache-store").BlockStore} blocks @param {number} n */
export function putSmallSegment(blocks, n) {
  const segment = {
    id: segmentId(n),
    cipher: block.cipher,
    lengthBytes: SMALL_BLOCK_BYTES,
    blockSizeBytes: SMALL_BLOCK_BYTES,
    tags: [],
    trust: /** @type {const} */ ("verified"),
  };
  return blocks.putBlock(segment, 0, block);
}
