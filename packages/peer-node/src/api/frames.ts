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
  const array = Buffer.alloc(5);
  array[0] = ARRAY_32;
  array.writeUInt32BE(data.length, 1);
  const parts: Uint8Array[] = [Buffer.alloc(LENGTH_BYTES), head.subarray(0, -1), array];
  for (const piece of data) {
    const bin = Buffer.alloc(5);
    bin[0] = BIN_32;
    bin.writeUInt32BE(piece.length, 1);
    parts.push(bin, piece);
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0) - LENGTH_BYTES;
  (parts[0] as Buffer).writeUInt32BE(length, 0);
  return parts;
}

const LENGTH_BYTES = 4;
/** Of MessagePack. */
const ARRAY_32 = 0xdd;
const BIN_32 = 0xc6;

/**
 * Gathers frames from a stream. Throws `BC_API_FRAME` for a frame over the limit, as soon as its
 * length is read, and for bytes that are no MessagePack.
 */
export class FrameReader {
  /** What has come of the frame under way, its length included. */
  #chunks: Uint8Array[] = [];
  #gathered = 0;

  *push(chunk: Uint8Array): Generator<unknown, void, undefined> {
    this.#chunks.push(chunk);
    this.#gathered += chunk.length;
    while (this.#gathered >= LENGTH_BYTES) {
      const length = this.#head(LENGTH_BYTES).readUInt32BE(0);
      if (length > FRAME_MAX_BYTES) {
        throw new BranchCacheError(
          "BC_API_FRAME",
          `a frame of ${length} bytes, at most ${FRAME_MAX_BYTES} allowed`,
        );
      }
      const end = LENGTH_BYTES + length;
      if (this.#gathered < end) return;
      const body = this.#head(end).subarray(LENGTH_BYTES);
      this.#drop(end);
      yield unpack(body);
    }
  }

  /** The first bytes in one piece; copied only where they lie in several. */
  #head(lengthBytes: number): Buffer {
    const [first] = this.#chunks;
    if (!first || first.length < lengthBytes) this.#chunks = [Buffer.concat(this.#chunks, this.#gathered)];
    const { buffer, byteOffset } = this.#chunks[0] ?? EMPTY;
    return Buffer.from(buffer, byteOffset, lengthBytes);
  }

  #drop(lengthBytes: number): void {
    const rest = this.#chunks[0]?.subarray(lengthBytes);
    if (rest && rest.length > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
    this.#gathered -= lengthBytes;
  }
}

const EMPTY = new Uint8Array(0);

function unpack(body: Uint8Array): unknown {
  try {
    return packr.unpack(body);
  } catch (error) {
    throw new BranchCacheError("BC_API_FRAME", "a frame that is no MessagePack", { cause: error });
  }
}
