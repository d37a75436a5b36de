/**
 * Where a connection's bytes are read to. Whole messages are parsed where they lie; when the room behind a
 * partial one gets short, it moves to the front of a second buffer, so that bytes handed out of the first
 * stay as they are until their readers, who run before the next read, are done.
 */
export class ReadBuffer {
  #bytes: Buffer;
  #spare: Buffer;
  readonly #roomBytes: number;
  #start = 0;
  #end = 0;
  /** Bytes of the buffer in use were given away for good. */
  #kept = false;

  /** `roomBytes`: the least room to read into; `sizeBytes` must hold the longest message and that. */
  constructor(sizeBytes: number, roomBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(sizeBytes);
    this.#spare = Buffer.allocUnsafeSlow(sizeBytes);
    this.#roomBytes = roomBytes;
  }

  get lengthBytes(): number {
    return this.#end - this.#start;
  }

  /** What was read and not yet consumed; a view. */
  get unread(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Room for the next read, given that the message that has begun takes `messageBytes` in all. */
  room(messageBytes: number): Uint8Array {
    if (this.#start === this.#end && !this.#kept) {
      this.#start = 0;
      this.#end = 0;
    }
    const size = this.#bytes.length;
    if (size - this.#end < this.#roomBytes || size - this.#start < messageBytes) {
      const bytes = this.#kept ? Buffer.allocUnsafeSlow(size) : this.#spare;
      this.#bytes.copy(bytes, 0, this.#start, this.#end);
      if (!this.#kept) this.#spare = this.#bytes;
      this.#kept = false;
      this.#bytes = bytes;
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#bytes.subarray(this.#end);
  }

  /** That many bytes were read into the room. */
  filled(lengthBytes: number): void {
    this.#end += lengthBytes;
  }

  /** Takes the first bytes off; a view, valid until the next read, or for good if it is to be kept. */
  consume(lengthBytes: number, keep = false): Uint8Array {
    this.#kept ||= keep;
    const { buffer, byteOffset } = this.#bytes;
    const view = new Uint8Array(buffer, byteOffset + this.#start, lengthBytes);
    this.#start += lengthBytes;
    return view;
  }
}
