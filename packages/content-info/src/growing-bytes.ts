/** An array of bytes that grows as runs are appended. */
export class GrowingBytes {
  #bytes = new Uint8Array(1024);
  #length = 0;

  append(run: Uint8Array): void {
    const length = this.#length + run.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(run, this.#length);
    this.#length = length;
  }

  /** A copy of the exact size. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
