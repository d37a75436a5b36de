import { DecodeError, type DecodeErrorCode, EncodeError } from "../errors.ts";

/** Walks over bytes that came from outside. Every fault names structure, field and offset. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The outermost structure, for errors. */
  readonly structure: string;
  #offset = 0;
  #path: (string | number)[] = [];

  constructor(bytes: Uint8Array, structure: string) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.structure = structure;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.bytes.length - this.#offset;
  }

  /** Names the field, or the index of the item, that is read next: part of the path in errors. */
  enter(part: string | number): void {
    this.#path.push(part);
  }

  /** Drops what the last `enter` named. */
  leave(): void {
    this.#path.pop();
  }

  /** Moves past the next `length` bytes and says where they start; fails if there are fewer. */
  take(length: number): number {
    if (length > this.remaining) {
      this.fail("BC_DECODE_TRUNCATED", `${length} bytes needed, ${this.remaining} left`);
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  /** Throws a `DecodeError` that names the path entered, and by default the offset that the reader stands at. */
  fail(code: DecodeErrorCode, reason: string, offsetBytes: number = this.#offset): never {
    throw new DecodeError(code, reason, {
      structure: this.structure,
      path: pathText(this.#path),
      offsetBytes,
    });
  }
}

/** Writes into an array of the exact size, found beforehand. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The outermost structure, for errors. */
  readonly structure: string;
  #offset = 0;
  #path: (string | number)[] = [];

  constructor(length: number, structure: string) {
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
    this.structure = structure;
  }

  /** Bytes written so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Names the field, or the index of the item, that is written next: part of the path in errors. */
  enter(part: string | number): void {
    this.#path.push(part);
  }

  /** Drops what the last `enter` named. */
  leave(): void {
    this.#path.pop();
  }

  /** Moves past the next `length` bytes and says where they start; they are zero until written. */
  take(length: number): number {
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  /** Throws an `EncodeError` (`BC_ENCODE_VALUE`) that names the path entered. */
  fail(reason: string): never {
    throw new EncodeError(this.structure, pathText(this.#path), reason);
  }
}

function pathText(path: readonly (string | number)[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}
