/** What travels over the local socket: a 4-byte big-endian length, then that many bytes of MessagePack. */
import { BranchCacheError } from "@branchcache/runtime";
import { Packr } from "msgpackr";

// Plain maps without extensions: any MessagePack library can speak to the daemon.
const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: "number", copyBuffers: true });

export const FRAME_MAX_BYTES = 1024 * 1024;

export function encodeFrame(message: unknown): Uint8Array {
  const body = packr.pack(message);
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, 4);
  return frame;
}

/**
 * Gathers frames from a stream. Throws `BC_API_FRAME` for a frame over the limit, as soon as its
 * length is read, and for bytes that are no MessagePack.
 */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  *push(chunk: Uint8Array): Generator<unknown, void, undefined> {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    try {
      while (this.#pending.length - at >= 4) {
        const length = this.#pending.readUInt32BE(at);
        if (length > FRAME_MAX_BYTES) {
          throw new BranchCacheError(
            "BC_API_FRAME",
            `a frame of ${length} bytes, at most ${FRAME_MAX_BYTES} allowed`,
          );
        }
        if (this.#pending.length - at - 4 < length) break;
        const body = this.#pending.subarray(at + 4, at + 4 + length);
        at += 4 + length;
        yield unpack(body);
      }
    } finally {
      this.#pending = this.#pending.subarray(at);
    }
  }
}

function unpack(body: Uint8Array): unknown {
  try {
    return packr.unpack(body);
  } catch (error) {
    throw new BranchCacheError("BC_API_FRAME", "a frame that is no MessagePack", { cause: error });
  }
}
