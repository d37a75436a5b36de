/**
 * What travels over the local socket, frame by frame: a length of 4 bytes, big-endian, and so many bytes of
 * MessagePack. Where the highest bit of the length is set, data follows as it is: behind the length stands that of the
 * data, 4 bytes more, then comes the MessagePack, then the data.
 */
import { BranchCacheError } from "@branchcache/runtime";
// Not all of it: what else there is looks for native code, which takes longer to load than a small download.
import { Packr, RESERVE_START_SPACE } from "msgpackr/pack";

// Plain maps without extensions: any MessagePack library can speak to the daemon. Bytes in what is read are copies, as
// what they came in is used again.
const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: "number", copyBuffers: true });

/** Of the MessagePack, and of the data, in one frame. */
export const FRAME_MAX_BYTES = 1024 * 1024;

const LENGTH_BYTES = 4;
const WITH_DATA = 0x8000_0000;
/** Frames up to this length are gathered in memory that is used again. */
const SMALL_BYTES = 4_096;

export function encodeFrame(message: unknown): Uint8Array {
  const frame = packr.pack(message, RESERVE_START_SPACE + LENGTH_BYTES);
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0);
  return frame;
}

/** All of a frame but its data. */
export function encodeFrameOfData(message: unknown, dataBytes: number): Uint8Array {
  const frame = packr.pack(message, RESERVE_START_SPACE + 2 * LENGTH_BYTES);
  frame.writeUInt32BE(WITH_DATA + frame.length - 2 * LENGTH_BYTES, 0);
  frame.writeUInt32BE(dataBytes, LENGTH_BYTES);
  return frame;
}

/** Where a `FrameReader` puts what it gathers. */
export interface FrameReaderOptions {
  /** Where the data of a message goes, of exactly that length; undefined: it is dropped. Default: fresh memory. */
  readonly placeFor?: (message: unknown, dataBytes: number) => Uint8Array | undefined;
}

/**
 * Gathers frames from a stream, and copies what it gathers: what it is given may be used again. Each message is
 * handed on as soon as all of it is there, with its data if it has some, before the next is looked at.
 */
export class FrameReader {
  readonly #take: (message: unknown, data?: Uint8Array) => void;
  readonly #placeFor: (message: unknown, dataBytes: number) => Uint8Array | undefined;
  /** The beginning of a frame, and how much of it there has to be before more is known. */
  readonly #small = Buffer.allocUnsafeSlow(SMALL_BYTES);
  #gathered = this.#small;
  #gatheredBytes = 0;
  #neededBytes = LENGTH_BYTES;
  /** The message whose data is under way. */
  #message: unknown;
  #place: Uint8Array | undefined;
  #dataBytes = 0;
  #filledBytes = 0;

  constructor(take: (message: unknown, data?: Uint8Array) => void, { placeFor }: FrameReaderOptions = {}) {
    this.#take = take;
    this.#placeFor = placeFor ?? ((_, dataBytes) => Buffer.allocUnsafe(dataBytes));
  }

  /**
   * The first `end` bytes of a chunk. Throws `BC_API_FRAME` for a frame over the limit, as soon as its lengths are
   * read, and for bytes that are no MessagePack; and what whoever takes the messages throws.
   */
  push(chunk: Uint8Array, end = chunk.length): void {
    for (let at = 0; at < end; ) {
      if (this.#filledBytes < this.#dataBytes) at = this.#fill(chunk, at, end);
      else if (this.#gatheredBytes === 0 && end - at >= LENGTH_BYTES) at = this.#readInPlace(chunk, at, end);
      else at = this.#gather(chunk, at, end);
    }
  }

  /** A frame that is all there is not copied. */
  #readInPlace(chunk: Uint8Array, at: number, end: number): number {
    const mark = readU32(chunk, at);
    const startBytes = mark >= WITH_DATA ? 2 * LENGTH_BYTES : LENGTH_BYTES;
    const start = at + startBytes;
    if (start > end) return this.#gather(chunk, at, end);
    const messageEnd = start + messageBytes(mark);
    const dataBytes = mark >= WITH_DATA ? limited(readU32(chunk, at + LENGTH_BYTES)) : undefined;
    if (messageEnd > end) return this.#gather(chunk, at, end);
    this.#handOn(unpack(chunk, start, messageEnd), dataBytes);
    return messageEnd;
  }

  #gather(chunk: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#neededBytes - this.#gatheredBytes);
    this.#gathered.set(chunk.subarray(at, stop), this.#gatheredBytes);
    this.#gatheredBytes += stop - at;
    if (this.#gatheredBytes < this.#neededBytes) return stop;
    const mark = readU32(this.#gathered, 0);
    const startBytes = mark >= WITH_DATA ? 2 * LENGTH_BYTES : LENGTH_BYTES;
    const isStartThere = this.#gatheredBytes >= startBytes;
    const dataBytes =
      mark >= WITH_DATA && isStartThere ? limited(readU32(this.#gathered, LENGTH_BYTES)) : undefined;
    const allBytes = startBytes + messageBytes(mark);
    if (this.#gatheredBytes < allBytes) {
      this.#neededBytes = isStartThere ? allBytes : startBytes;
      if (this.#neededBytes > this.#gathered.length) {
        const gathered = Buffer.allocUnsafeSlow(this.#neededBytes);
        this.#gathered.copy(gathered, 0, 0, this.#gatheredBytes);
        this.#gathered = gathered;
      }
      return stop;
    }
    const gathered = this.#gathered;
    this.#gathered = this.#small;
    this.#gatheredBytes = 0;
    this.#neededBytes = LENGTH_BYTES;
    this.#handOn(unpack(gathered, startBytes, allBytes), dataBytes);
    return stop;
  }

  #handOn(message: unknown, dataBytes: number | undefined): void {
    if (dataBytes === undefined) {
      this.#take(message);
      return;
    }
    const place = this.#placeFor(message, dataBytes);
    if (dataBytes === 0) {
      this.#take(message, place);
      return;
    }
    this.#message = message;
    this.#place = place;
    this.#dataBytes = dataBytes;
    this.#filledBytes = 0;
  }

  #fill(chunk: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#dataBytes - this.#filledBytes);
    const place = this.#place;
    place?.set(at === 0 && stop === chunk.length ? chunk : chunk.subarray(at, stop), this.#filledBytes);
    this.#filledBytes += stop - at;
    if (this.#filledBytes < this.#dataBytes) return stop;
    const message = this.#message;
    this.#message = undefined;
    this.#place = undefined;
    this.#dataBytes = 0;
    this.#filledBytes = 0;
    this.#take(message, place);
    return stop;
  }
}

function messageBytes(mark: number): number {
  return limited(mark >= WITH_DATA ? mark - WITH_DATA : mark);
}

function limited(bytes: number): number {
  if (bytes <= FRAME_MAX_BYTES) return bytes;
  throw new BranchCacheError("BC_API_FRAME", `a frame of ${bytes} bytes, at most ${FRAME_MAX_BYTES} allowed`);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x100_0000 +
    (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  );
}

function unpack(bytes: Uint8Array, start: number, end: number): unknown {
  try {
    return packr.unpack(bytes, { start, end });
  } catch (error) {
    throw new BranchCacheError("BC_API_FRAME", "a frame that is no MessagePack", { cause: error });
  }
}
