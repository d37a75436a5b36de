/** Set bits in each value of a byte. */
const BITS_SET = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** A set of block indexes, one bit each, lowest bit first. */
export class BlockSet {
  readonly bits: Uint8Array;
  readonly totalBlocks: number;
  #size = 0;

  /** Takes over `bits`, whose length must be `BlockSet.bytesFor(totalBlocks)`. */
  constructor(totalBlocks: number, bits: Uint8Array = new Uint8Array(BlockSet.bytesFor(totalBlocks))) {
    this.totalBlocks = totalBlocks;
    this.bits = bits;
    for (const byte of bits) this.#size += BITS_SET[byte] ?? 0;
  }

  static bytesFor(totalBlocks: number): number {
    return Math.ceil(totalBlocks / 8);
  }

  get size(): number {
    return this.#size;
  }

  has(index: number): boolean {
    return ((this.bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  add(index: number): void {
    if (this.has(index)) return;
    this.bits[index >> 3] = (this.bits[index >> 3] ?? 0) | (1 << (index & 7));
    this.#size++;
  }

  delete(index: number): void {
    if (!this.has(index)) return;
    this.bits[index >> 3] = (this.bits[index >> 3] ?? 0) & ~(1 << (index & 7));
    this.#size--;
  }

  /** The lowest index above `index`; 0 if there is none, as [MS-PCCRR] has it. */
  after(index: number): number {
    for (let next = index + 1; next < this.totalBlocks; next++) if (this.has(next)) return next;
    return 0;
  }

  /** Ascending. */
  indexes(): number[] {
    const indexes: number[] = [];
    for (let index = 0; index < this.totalBlocks; index++) if (this.has(index)) indexes.push(index);
    return indexes;
  }
}
