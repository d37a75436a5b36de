/**
 * Buffers of recurring sizes, used again and again: fresh ones of 64 KiB cost the garbage collector and the
 * page tables more than what is copied into them.
 */

/** Blocks of version 1.0 have one size; those of version 2.0 have as many as there are, and are not worth keeping. */
const SIZES = 8;

export class BufferPool {
  readonly #limitBytes: number;
  readonly #free = new Map<number, Uint8Array[]>();
  #freeBytes = 0;

  /** Keeps at most so much that nobody uses. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Of exactly this length; what it holds is of no meaning. */
  take(length: number): Uint8Array {
    const buffer = this.#free.get(length)?.pop();
    if (!buffer) return new Uint8Array(length);
    this.#freeBytes -= length;
    return buffer;
  }

  /** Nobody else may use it any more. */
  give(buffer: Uint8Array): void {
    if (this.#freeBytes + buffer.length > this.#limitBytes) return;
    let same = this.#free.get(buffer.length);
    if (!same) {
      // The oldest size makes way.
      for (const [length, buffers] of this.#free) {
        if (this.#free.size < SIZES) break;
        this.#free.delete(length);
        this.#freeBytes -= length * buffers.length;
      }
      same = [];
      this.#free.set(buffer.length, same);
    }
    same.push(buffer);
    this.#freeBytes += buffer.length;
  }
}
