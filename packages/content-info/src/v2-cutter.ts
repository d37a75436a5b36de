/**
 * Where version 2.0 segments end. The document leaves it free; these cuts follow the content, so that an edit
 * moves only the segments near it. Frozen: docs/cutting.md says it in full, golden vectors hold it.
 */
import { V2_MAX_SEGMENT_BYTES } from "./constants.ts";
import { hashAfterScan, rollHash, scan } from "./gear-hash.ts";

const MIN_BYTES = 32_768;
/** Up to here the strict limit holds, then the loose one: that keeps lengths near 64 KiB. */
const TARGET_BYTES = 65_536;
/** The hash depends on this many bytes: each is shifted out of its 32 bits after that. */
const WINDOW_BYTES = 32;
/** The hash, as a signed number, is below it once in 65,536 positions. */
const STRICT_LIMIT = -0x8000_0000 + 2 ** 16;
/** Once in 16,384 positions. */
const LOOSE_LIMIT = -0x8000_0000 + 2 ** 18;

/** Finds the ends of segments in content that arrives in pieces of any size. */
export class SegmentCutter {
  #hash = 0;
  #lengthBytes = 0;

  /** Bytes since the last end. */
  get pendingBytes(): number {
    return this.#lengthBytes;
  }

  /**
   * Takes in `bytes` from index `from` on, up to the end of the segment. Returns the index after the segment's
   * last byte, from which to go on with the next segment; -1 if the segment goes on beyond these bytes.
   */
  next(bytes: Uint8Array, from: number): number {
    const start = from - this.#lengthBytes;
    let at = Math.max(from, Math.min(start + MIN_BYTES - WINDOW_BYTES, bytes.length));

    const warmEnd = Math.min(start + MIN_BYTES - 1, bytes.length);
    if (at < warmEnd) {
      this.#hash = rollHash(bytes, this.#hash, at, warmEnd);
      at = warmEnd;
    }

    const targetEnd = Math.min(start + TARGET_BYTES, bytes.length);
    if (at < targetEnd) {
      const end = this.#scan(bytes, at, targetEnd, STRICT_LIMIT);
      if (end >= 0) return this.#cut(end);
      at = targetEnd;
    }
    const maxEnd = start + V2_MAX_SEGMENT_BYTES;
    const looseEnd = Math.min(maxEnd, bytes.length);
    if (at < looseEnd) {
      const end = this.#scan(bytes, at, looseEnd, LOOSE_LIMIT);
      if (end >= 0) return this.#cut(end);
    }
    if (maxEnd <= bytes.length) return this.#cut(maxEnd);
    this.#lengthBytes = bytes.length - start;
    return -1;
  }

  #cut(end: number): number {
    this.#hash = 0;
    this.#lengthBytes = 0;
    return end;
  }

  #scan(bytes: Uint8Array, from: number, end: number, limit: number): number {
    const found = scan(bytes, this.#hash, from, end, limit);
    if (found < 0) this.#hash = hashAfterScan();
    return found;
  }
}
