/** Byte arrays cut from larger ones: an array of its own costs more than writing a whole message into it. */

const SLAB_BYTES = 65_536;
let slab = new Uint8Array(0);
let used = 0;

/** For the caller alone; a large one is an array of its own. What it holds is zero. */
export function cutBytes(length: number): Uint8Array {
  if (length > SLAB_BYTES / 8) return new Uint8Array(length);
  if (used + length > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  used += length;
  return slab.subarray(used - length, used);
}
