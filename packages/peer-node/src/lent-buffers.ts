/** Memory that is lent and comes back: fresh buffers of a block's size cost more than what is copied into them. */

/** Free ones of one size; as many as a node uploads at once by default. */
const FREE_OF_A_SIZE = 64;

export class LentBuffers {
  /** By capacity, which is a power of two. */
  readonly #free = new Map<number, ArrayBuffer[]>();

  /** Of exactly this length; what it holds is of no meaning. To be given back once, or never. */
  take(lengthBytes: number): Uint8Array {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(lengthBytes, 1)));
    const buffer = this.#free.get(capacity)?.pop() ?? Buffer.allocUnsafeSlow(capacity).buffer;
    return new Uint8Array(buffer, 0, lengthBytes);
  }

  give({ buffer }: Uint8Array): void {
    const free = this.#free.get(buffer.byteLength) ?? [];
    if (free.length === 0) this.#free.set(buffer.byteLength, free);
    if (free.length < FREE_OF_A_SIZE) free.push(buffer as ArrayBuffer);
  }
}
