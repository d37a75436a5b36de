/** What travels over the local socket: a 4-byte big-endian length, then that many bytes of MessagePack. */
import { BranchCacheError } from "@branchcache/runtime";
import { Packr, RESERVE_START_SPACE } from "msgpackr";

// Plain maps without extensions: any MessagePack library can speak to the daemon.
const options = { useRecords: false, moreTypes: false, int64AsType: "number" } as const;
const packr = new Packr({ ...options, copyBuffers: false });
/** Bytes in what it reads do not keep all that came with them. */
const copying = new Packr({ ...options, copyBuffers: true });
/** Of a frame that is read where it lies. */
const SMALL_BYTES = 4_096;

export const FRAME_MAX_BYTES = 1024 * 1024;

const LENGTH_BYTES = 4;

export function encodeFrame(message: unknown): Uint8Array {
  const frame = packr.pack(message, RESERVE_START_SPACE + LENGTH_BYTES);
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0);
  return frame;
}

/**
 * The frame of `{ ...message, data }` in parts, so that big pieces are written as they lie. They must not change
 * until they are written.
 */
export function encodeFrameWithData(message: object, data: readonly Uint8Array[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const piece of data) {
    const mark = Buffer.allocUnsafe(MARK_BYTES);
    writeMark(mark, 0, BIN_32, piece.length);
    parts.push(mark, piece);
  }
  return withLength(upToLastValue({ ...message, data: [] }, ARRAY_32, data.length), parts);
}

/**
 * The frame of a message whose last value, however deep, is an empty array: `bytes` take its place. They must not
 * change until they are written.
 */
export function encodeFrameEndingWith(message: object, bytes: Uint8Array): Uint8Array[] {
  return withLength(upToLastValue(message, BIN_32, bytes.length), [bytes]);
}

/** An empty array as the last value is the last byte; the mark of the real value takes its place. */
function upToLastValue(message: object, type: number, length: number): Buffer {
  const head = packr.pack(message);
  const start = Buffer.allocUnsafe(LENGTH_BYTES + head.length - 1 + MARK_BYTES);
  start.set(head, LENGTH_BYTES);
  writeMark(start, start.length - MARK_BYTES, type, length);
  return start;
}

function withLength(start: Buffer, rest: readonly Uint8Array[]): Uint8Array[] {
  const lengthBytes = rest.reduce((total, { length }) => total + length, start.length - LENGTH_BYTES);
  start.writeUInt32BE(lengthBytes, 0);
  return [start, ...rest];
}

function writeMark(target: Buffer, at: number, type: number, length: number): void {
  target[at] = type;
  target.writeUInt32BE(length, at + 1);
}

/** Of MessagePack, each with a length of four bytes behind it. */
const ARRAY_32 = 0xdd;
const BIN_32 = 0xc6;
const MARK_BYTES = 5;

export interface FrameReaderOptions {
  /** Bytes in a message are good only until the next message is asked for. Default false: they stay. */
  readonly reuse?: boolean;
  /** Where a frame is gathered; its byte fields are views of that. Default: fresh memory. */
  readonly takeBuffer?: (lengthBytes: number) => Uint8Array;
}

/**
 * Gathers frames from a stream, and copies what it gathers: what it is given may be used again. Throws
 * `BC_API_FRAME` for a frame over the limit, as soon as its length is read, and for bytes that are no MessagePack.
 */
export class FrameReader {
  readonly #reuse: boolean;
  readonly #takeBuffer: ((lengthBytes: number) => Uint8Array) | undefined;
  #spare: Uint8Array = new Uint8Array(0);
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  /** The frame under way, once its length is known. */
  #body: Uint8Array | undefined;
  #bodyFilled = 0;

  constructor({ reuse = false, takeBuffer }: FrameReaderOptions = {}) {
    this.#reuse = reuse;
    this.#takeBuffer = takeBuffer;
  }

  /** The first `end` bytes of a chunk. */
  *push(chunk: Uint8Array, end = chunk.length): Generator<unknown, void, undefined> {
    for (let at = 0; at < end; ) {
      if (!this.#body) {
        while (this.#lengthFilled < LENGTH_BYTES && at < end)
          this.#length[this.#lengthFilled++] = chunk[at++] ?? 0;
        if (this.#lengthFilled < LENGTH_BYTES) return;
        const lengthBytes = bodyBytes(this.#length);
        if (at + lengthBytes <= end && this.#readsInPlace(lengthBytes)) {
          // All of it is here.
          this.#lengthFilled = 0;
          yield unpack(this.#reuse ? packr : copying, chunk, at, at + lengthBytes);
          at += lengthBytes;
          continue;
        }
        this.#body = this.#memory(lengthBytes);
      }
      const part = chunk.subarray(at, Math.min(end, at + this.#body.length - this.#bodyFilled));
      this.#body.set(part, this.#bodyFilled);
      this.#bodyFilled += part.length;
      at += part.length;
      if (this.#bodyFilled < this.#body.length) return;
      const body = this.#body;
      this.#body = undefined;
      this.#bodyFilled = 0;
      this.#lengthFilled = 0;
      yield unpack(packr, body);
    }
  }

  #readsInPlace(lengthBytes: number): boolean {
    return this.#reuse || (!this.#takeBuffer && lengthBytes <= SMALL_BYTES);
  }

  /** Fresh memory costs more than what is copied into it. */
  #memory(lengthBytes: number): Uint8Array {
    if (this.#takeBuffer) return this.#takeBuffer(lengthBytes);
    if (!this.#reuse) return Buffer.allocUnsafe(lengthBytes);
    if (this.#spare.length < lengthBytes) this.#spare = Buffer.allocUnsafeSlow(lengthBytes);
    return this.#spare.subarray(0, lengthBytes);
  }
}

function bodyBytes(length: Buffer): number {
  const bytes = length.readUInt32BE(0);
  if (bytes <= FRAME_MAX_BYTES) return bytes;
  throw new BranchCacheError("BC_API_FRAME", `a frame of ${bytes} bytes, at most ${FRAME_MAX_BYTES} allowed`);
}

function unpack(reader: Packr, bytes: Uint8Array, start = 0, end = bytes.length): unknown {
  try {
    return reader.unpack(bytes, { start, end });
  } catch (error) {
    throw new BranchCacheError("BC_API_FRAME", "a frame that is no MessagePack", { cause: error });
  }
}
