/** Segments that two processes can make without telling each other. */
export const BLOCKS = 4;
export const BLOCK_BYTES = 16_384;
export const SEALED_BYTES = 16 + BLOCK_BYTES + 16;

export function segmentOf(n) {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(28, n);
  return {
    id,
    cipher: 1,
    lengthBytes: BLOCKS * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    tags: [],
    trust: "verified",
    algorithm: "sha256",
  };
}

export function sealedBlock(n, index) {
  const data = new Uint8Array(BLOCK_BYTES + 16).fill((n * 31 + index * 7) & 0xff);
  const view = new DataView(data.buffer);
  view.setUint32(0, n);
  view.setUint32(4, index);
  view.setUint32(data.length - 4, n ^ index);
  return { cipher: 1, iv: new Uint8Array(16).fill(n & 0xff), data };
}
