/** A content being retrieved. */
import { requireNumber } from "@branchcache/runtime";
import type { PeerDistFunctions } from "../library/functions.ts";
import { TRANSFER_MAX_BYTES } from "../service/calls.ts";
import { PEERDIST_READ_TIMEOUT_DEFAULT } from "../win32/constants.ts";
import {
  ERROR_SUCCESS,
  ERROR_TIMEOUT,
  PEERDIST_ERROR_MISSING_DATA,
  PEERDIST_ERROR_NO_MORE,
  PeerDistError,
} from "../win32/errors.ts";
import type { Overlapped } from "../win32/overlapped.ts";
import type { PEERDIST_CONTENT_HANDLE, PEERDIST_INSTANCE_HANDLE } from "../win32/types.ts";
import { expectSuccess, type OperationEnd, operate, succeed } from "./operation.ts";

/** Bytes that have to come from the origin. */
export class MissingRange {
  readonly kind = "missing";
  /** From the start of the content. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** True if the time ran out, false if nobody has them. */
  readonly timedOut: boolean;

  constructor({ offset, bytes, error }: OperationEnd) {
    this.offsetBytes = offset;
    this.lengthBytes = bytes;
    this.timedOut = error === ERROR_TIMEOUT;
  }
}

/** Bytes of the content, verified. */
export interface DataPiece {
  readonly kind: "data";
  /** From the start of the content. */
  readonly offsetBytes: number;
  /** A view of `into`, where the read was given that; else the caller's. */
  readonly bytes: Uint8Array;
}

/** What a read gives: bytes, or a range that nobody in the branch has. */
export type ContentPiece = DataPiece | MissingRange;

/** Time, end and memory of one read. */
export interface ReadOptions {
  /** Default 5,000; 0: from the local cache alone. */
  readonly timeoutMs?: number;
  /** Cancels the read, which rejects with its reason. */
  readonly signal?: AbortSignal;
  /**
   * Memory to read into, to be used for one read after another: allocating it for each takes longer than the read. The
   * bytes of the piece are a view of it, and never longer. Do not touch it until the read has ended. Default: new memory.
   */
  readonly into?: Uint8Array;
}

/** How a stream reads, and where it gets what is missing. */
export interface StreamOptions extends Omit<ReadOptions, "into"> {
  /** Gives a missing range, exactly these bytes, in pieces of any size; they are added to the cache as they come. */
  readonly origin: (
    offsetBytes: number,
    lengthBytes: number,
  ) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface ContentParts {
  readonly api: PeerDistFunctions;
  readonly instance: PEERDIST_INSTANCE_HANDLE;
  readonly handle: PEERDIST_CONTENT_HANDLE;
}

/**
 * Fails with `PeerDistError`; with `BC_INVALID_ARGUMENT` for a negative offset or length, or none; a signal that is aborted
 * cancels what is under way and rejects with its reason.
 */
export class Content implements AsyncDisposable {
  readonly #parts: ContentParts;
  #closed: Promise<void> | undefined;

  constructor(parts: ContentParts) {
    this.#parts = parts;
  }

  /** Up to `maxBytes`, fewer if no more are there at once; undefined past the end or outside the range. */
  async read(
    offsetBytes: number,
    maxBytes: number,
    options: ReadOptions = {},
  ): Promise<ContentPiece | undefined> {
    requireNumber("offsetBytes", offsetBytes, 0);
    requireNumber("maxBytes", maxBytes, 0);
    const { api, instance, handle } = this.#parts;
    return this.#read("read", maxBytes, options, offsetBytes, (buffer, timeout, overlapped) =>
      api.PeerDistClientBlockRead(instance, handle, buffer.length, buffer, timeout, overlapped),
    );
  }

  /** What comes next in order. A missing range is not offered again. Undefined at the end. */
  async readNext(maxBytes: number, options: ReadOptions = {}): Promise<ContentPiece | undefined> {
    requireNumber("maxBytes", maxBytes, 0);
    const { api, instance, handle } = this.#parts;
    return this.#read("readNext", maxBytes, options, 0, (buffer, timeout, overlapped) =>
      api.PeerDistClientStreamRead(instance, handle, buffer.length, buffer, timeout, overlapped),
    );
  }

  /** Consecutive bytes in the local cache from there. */
  async available(offsetBytes: number): Promise<number> {
    requireNumber("offsetBytes", offsetBytes, 0);
    const { api, instance, handle } = this.#parts;
    const { error, bytes } = await operate(
      api,
      "available",
      (o) => api.PeerDistClientBlockRead(instance, handle, 0, null, 0, o),
      { offset: offsetBytes },
    );
    if (error === PEERDIST_ERROR_NO_MORE) return 0;
    expectSuccess(error, "available");
    return bytes;
  }

  /**
   * Verified, kept and offered from then on. False bytes are dropped without an error, as in PeerDist.lib: `available` tells
   * whether they were kept.
   */
  async addData(offsetBytes: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    requireNumber("offsetBytes", offsetBytes, 0);
    const { api, instance, handle } = this.#parts;
    await succeed(
      api,
      "addData",
      (o) => api.PeerDistClientAddData(instance, handle, bytes.length, bytes, o),
      { offset: offsetBytes, signal, cancel: (o) => this.#cancel(o) },
    );
  }

  /**
   * The rest of the content in order, whole: what the branch does not have comes from the origin, whose bytes are given on
   * as they come. They are verified before they are kept, not before they are given: the origin is yours to trust.
   */
  async *stream({ origin, ...options }: StreamOptions): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = await this.readNext(TRANSFER_MAX_BYTES, options);
      if (!piece) return;
      if (piece.kind === "data") {
        yield piece.bytes;
        continue;
      }
      let at = piece.offsetBytes;
      const end = at + piece.lengthBytes;
      for await (const bytes of origin(piece.offsetBytes, piece.lengthBytes)) {
        options.signal?.throwIfAborted();
        if (bytes.length === 0) continue;
        await this.addData(at, bytes, options.signal);
        at += bytes.length;
        yield bytes;
      }
      if (at !== end) throw new PeerDistError(PEERDIST_ERROR_MISSING_DATA, "the origin gave another length");
    }
  }

  /** Whether many in the branch are fetching this just now: then it pays to wait a little and read again. */
  async flashCrowd(): Promise<boolean> {
    const { api, instance, handle } = this.#parts;
    const info = new Uint8Array(4);
    const code = await api.PeerDistClientGetInformationByHandle(instance, handle, 0, info.length, info);
    expectSuccess(code, "flashCrowd");
    return info[0] === 1;
  }

  /** Pending operations end; what is in the local cache stays. Twice is harmless. */
  close(): Promise<void> {
    const { api, instance, handle } = this.#parts;
    this.#closed ??= api.PeerDistClientCloseContent(instance, handle).then(() => {});
    return this.#closed;
  }

  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(
    what: string,
    maxBytes: number,
    { timeoutMs = PEERDIST_READ_TIMEOUT_DEFAULT, signal, into }: ReadOptions,
    offset: number,
    submit: (buffer: Uint8Array, timeout: number, overlapped: Overlapped) => Promise<number>,
  ): Promise<ContentPiece | undefined> {
    const length = Math.min(maxBytes, TRANSFER_MAX_BYTES);
    const buffer = into ? into.subarray(0, length) : new Uint8Array(length);
    const ended = await operate(this.#parts.api, what, (o) => submit(buffer, timeoutMs, o), {
      offset,
      signal,
      cancel: (o) => this.#cancel(o),
    });
    switch (ended.error) {
      case ERROR_SUCCESS:
        return { kind: "data", offsetBytes: ended.offset, bytes: buffer.subarray(0, ended.bytes) };
      case PEERDIST_ERROR_MISSING_DATA:
      case ERROR_TIMEOUT:
        return new MissingRange(ended);
      case PEERDIST_ERROR_NO_MORE:
        return undefined;
      default:
        throw new PeerDistError(ended.error, what);
    }
  }

  #cancel(overlapped: Overlapped): Promise<number> {
    const { api, instance, handle } = this.#parts;
    return api.PeerDistClientCancelAsyncOperation(instance, handle, overlapped);
  }
}
