/** Content as large pieces in a few shared buffers, read ahead of the work on them. */
import { errorMessage } from "@branchcache/runtime";
import { ContentError } from "../../errors.ts";
import type { StableFile } from "../stable-file.ts";

/** Room before the payload for the bytes carried over from the piece before: less than the longest segment. */
export const HEADROOM_BYTES = 128 * 1024;
const PAYLOAD_BYTES = 2 * 1024 * 1024;

export interface Piece {
  readonly buffer: SharedArrayBuffer;
  /** Of the payload, from `HEADROOM_BYTES` on. */
  readonly lengthBytes: number;
  /** Where in the content the payload begins. */
  readonly offsetBytes: number;
  /** Nothing follows. */
  readonly last: boolean;
}

/** Lends `count` buffers. `take` waits while all are lent. */
export class BufferPool {
  #unmade: number;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiting: ((buffer: SharedArrayBuffer) => void)[] = [];

  constructor(count: number) {
    this.#unmade = count;
  }

  async take(): Promise<SharedArrayBuffer> {
    const free = this.#free.pop();
    if (free) return free;
    if (this.#unmade === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#unmade--;
    return new SharedArrayBuffer(HEADROOM_BYTES + PAYLOAD_BYTES);
  }

  giveBack(buffer: SharedArrayBuffer): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(buffer);
    else this.#free.push(buffer);
  }
}

/** Content of no bytes is one piece of no bytes. */
export async function* piecesOfFile(
  file: StableFile,
  buffers: BufferPool,
): AsyncGenerator<Piece, void, void> {
  const read = async (offsetBytes: number): Promise<Piece> => {
    const buffer = await buffers.take();
    const lengthBytes = Math.min(PAYLOAD_BYTES, file.sizeBytes - offsetBytes);
    await file.read(new Uint8Array(buffer, HEADROOM_BYTES, lengthBytes), offsetBytes);
    return { buffer, lengthBytes, offsetBytes, last: offsetBytes + lengthBytes === file.sizeBytes };
  };
  let next: Promise<Piece> | undefined = read(0);
  try {
    while (next !== undefined) {
      const piece: Piece = await next;
      next = piece.last ? undefined : read(piece.offsetBytes + PAYLOAD_BYTES);
      yield piece;
    }
  } finally {
    // The caller closes the file next, which must not happen during a read; its failure has to be handled as well.
    await next?.catch(() => undefined);
  }
}

export interface StreamPieceOptions {
  /** For errors. */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

/** Gathers chunks of any size; the last piece may have no bytes. */
export async function* piecesOfStream(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  buffers: BufferPool,
  { name, signal }: StreamPieceOptions,
): AsyncGenerator<Piece, void, void> {
  let offsetBytes = 0;
  let lengthBytes = 0;
  let buffer = await buffers.take();
  for await (const chunk of namedChunks(source, name, signal)) {
    for (let at = 0; at < chunk.length; ) {
      const run = chunk.subarray(at, at + PAYLOAD_BYTES - lengthBytes);
      new Uint8Array(buffer, HEADROOM_BYTES + lengthBytes).set(run);
      lengthBytes += run.length;
      at += run.length;
      if (lengthBytes < PAYLOAD_BYTES) continue;
      yield { buffer, lengthBytes, offsetBytes, last: false };
      offsetBytes += lengthBytes;
      lengthBytes = 0;
      buffer = await buffers.take();
    }
  }
  yield { buffer, lengthBytes, offsetBytes, last: true };
}

/** The chunks of the source. Its errors name content and offset, and an abort ends a wait for it at once. */
async function* namedChunks(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let offsetBytes = 0;
  let done = false;
  try {
    while (true) {
      const result = await orAborted(iterator.next(), signal).catch((cause: unknown) => {
        if (signal?.aborted) throw signal.reason;
        done = true;
        throw new ContentError("BC_CONTENT_READ", `${name} at byte ${offsetBytes}: ${errorMessage(cause)}`, {
          cause,
        });
      });
      if (result.done) {
        done = true;
        return;
      }
      offsetBytes += result.value.length;
      yield result.value;
    }
  } finally {
    // Not awaited: a source that never yields may never return either.
    if (!done) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function orAborted<T>(work: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return Promise.resolve(work);
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}
