/** Small byte arrays cut from one large buffer: making an `ArrayBuffer` for each costs more than filling it. */

const SLAB_BYTES = 65_536;
/** Longer arrays get a buffer of their own. */
const MAX_CUT_BYTES = SLAB_BYTES / 8;
let slab = new Uint8Array(0);
let usedBytes = 0;

/**
 * `lengthBytes` zeros that nobody else writes to. Up to 8 KiB a view of a shared 64 KiB buffer, which lives as long as
 * any view of it: for what is short-lived and made by the thousand, such as the bytes of an answer.
 */
export function allocateBytes(lengthBytes: number): Uint8Array {
  if (lengthBytes > MAX_CUT_BYTES) return new Uint8Array(lengthBytes);
  if (usedBytes + lengthBytes > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    usedBytes = 0;
  }
  usedBytes += lengthBytes;
  return slab.subarray(usedBytes - lengthBytes, usedBytes);
}
