/** What travels over the local socket: a 4-byte big-endian length, then that many bytes of MessagePack. */
import { BranchCacheError } from "@branchcache/runtime";
import { Packr } from "msgpackr";

// Plain maps without extensions: any MessagePack library can speak to the daemon.
const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: "number", copyBuffers: false });

export const FRAME_MAX_BYTES = 1024 * 1024;

export function encodeFrame(message: unknown): Uint8Array {
  const body = packr.pack(message);
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, 4);
  return frame;
}

/**
 * The frame of `{ ...message, data }` in parts, so that big pieces are written as they lie. They must not change
 * until they are written.
 */
export function encodeFrameWithData(message: object, data: readonly Uint8Array[]): Uint8Array[] {
  // An empty array as the last value is the last byte; the real one takes its place.
  const head = packr.pack({ ...message, data: [] });
  const start = Buffer.allocUnsafe(LENGTH_BYTES + head.length - 1 + MARK_BYTES);
  start.set(head, LENGTH_BYTES);
  writeMark(start, start.length - MARK_BYTES, ARRAY_32, data.length);
  const parts: Uint8Array[] = [start];
  let lengthBytes = start.length - LENGTH_BYTES;
  for (const piece of data) {
    const mark = Buffer.allocUnsafe(MARK_BYTES);
    writeMark(mark, 0, BIN_32, piece.length);
    parts.push(mark, piece);
    lengthBytes += MARK_BYTES + piece.length;
  }
  start.writeUInt32BE(lengthBytes, 0);
  return parts;
}

function writeMark(target: Buffer, at: number, type: number, length: number): void {
  target[at] = type;
  target.writeUInt32BE(length, at + 1);
}

const LENGTH_BYTES = 4;
/** Of MessagePack, each with a length of four bytes behind it. */
const ARRAY_32 = 0xdd;
const BIN_32 = 0xc6;
const MARK_BYTES = 5;

/**
 * Gathers frames from a stream, and copies what it gathers: what it is given may be used again. Throws
 * `BC_API_FRAME` for a frame over the limit, as soon as its length is read, and for bytes that are no MessagePack.
 */
export class FrameReader {
  readonly #takeBuffer: (lengthBytes: number) => Uint8Array;
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  /** The frame under way, once its length is known. */
  #body: Uint8Array | undefined;
  #bodyFilled = 0;

  /** `takeBuffer`: where a frame is gathered; its byte fields are views of that. Default: fresh memory. */
  constructor(takeBuffer: (lengthBytes: number) => Uint8Array = Buffer.allocUnsafe) {
    this.#takeBuffer = takeBuffer;
  }

  *push(chunk: Uint8Array): Generator<unknown, void, undefined> {
    for (let at = 0; at < chunk.length; ) {
      if (!this.#body) {
        const part = chunk.subarray(at, at + LENGTH_BYTES - this.#lengthFilled);
        this.#length.set(part, this.#lengthFilled);
        this.#lengthFilled += part.length;
        at += part.length;
        if (this.#lengthFilled < LENGTH_BYTES) return;
        this.#body = this.#takeBuffer(bodyBytes(this.#length));
      }
      const part = chunk.subarray(at, at + this.#body.length - this.#bodyFilled);
      this.#body.set(part, this.#bodyFilled);
      this.#bodyFilled += part.length;
      at += part.length;
      if (this.#bodyFilled < this.#body.length) return;
      const body = this.#body;
      this.#body = undefined;
      this.#bodyFilled = 0;
      this.#lengthFilled = 0;
      yield unpack(body);
    }
  }
}

function bodyBytes(length: Buffer): number {
  const bytes = length.readUInt32BE(0);
  if (bytes <= FRAME_MAX_BYTES) return bytes;
  throw new BranchCacheError("BC_API_FRAME", `a frame of ${bytes} bytes, at most ${FRAME_MAX_BYTES} allowed`);
}

function unpack(body: Uint8Array): unknown {
  try {
    return packr.unpack(body);
  } catch (error) {
    throw new BranchCacheError("BC_API_FRAME", "a frame that is no MessagePack", { cause: error });
  }
}
