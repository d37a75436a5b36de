/** Content that comes in order: the caller's thread cuts it, worker threads hash the pieces. */
import { errorMessage } from "@branchcache/runtime";
import { ContentError } from "../../errors.ts";
import { type Publications, publishBytes } from "../../publisher.ts";
import { nodeHashEngine } from "../node-hash-engine.ts";
import { HashSink } from "./hash-sink.ts";
import type { SliceResult, SliceTask } from "./hash-task.ts";
import { type BufferPool, HEADROOM_BYTES, type Piece } from "./pieces.ts";
import type { PoolPublishOptions } from "./pool-options.ts";
import { type SlicePlan, Slicer } from "./slicer.ts";

export class PiecePublisher {
  readonly #name: string;
  readonly #run: (task: SliceTask) => Promise<SliceResult>;
  readonly #options: PoolPublishOptions;
  readonly #onProgress: (bytesDone: number) => void;
  readonly #sink = new HashSink();
  #failure: { readonly error: unknown } | undefined;

  constructor(
    name: string,
    run: (task: SliceTask) => Promise<SliceResult>,
    options: PoolPublishOptions,
    onProgress: (bytesDone: number) => void,
  ) {
    this.#name = name;
    this.#run = run;
    this.#options = options;
    this.#onProgress = onProgress;
  }

  async publish(
    piecesIn: (buffers: BufferPool) => AsyncGenerator<Piece, void, void>,
    buffers: BufferPool,
  ): Promise<Publications> {
    const { versions = [1, 2], algorithm = "sha256", signal } = this.#options;
    const slicer = new Slicer(versions, algorithm);
    let carry = new Uint8Array(0);
    let lengthBytes = 0;
    /** Results are taken in content order, whichever worker is first. */
    let collected: Promise<void> = Promise.resolve();
    try {
      for await (const piece of piecesIn(buffers)) {
        signal?.throwIfAborted();
        if (this.#failure) throw this.#failure.error;
        const start = HEADROOM_BYTES - carry.length;
        const bytes = new Uint8Array(piece.buffer, start, carry.length + piece.lengthBytes);
        if (piece.last && piece.offsetBytes === 0) return this.#publishSmall(bytes);
        bytes.set(carry);
        const plan = slicer.plan(bytes, piece.last);
        carry = bytes.slice(bytes.length - plan.carryBytes);
        lengthBytes = piece.offsetBytes + piece.lengthBytes;
        const hashed = this.#hash(piece, start, plan).finally(() => buffers.giveBack(piece.buffer));
        collected = this.#collect(collected, hashed, plan, lengthBytes);
      }
    } finally {
      await collected;
    }
    signal?.throwIfAborted();
    if (this.#failure) throw this.#failure.error;
    return this.#sink.publications(this.#options, lengthBytes);
  }

  #publishSmall(bytes: Uint8Array): Publications {
    const publications = publishBytes(bytes, { ...this.#options, engine: nodeHashEngine });
    this.#onProgress(bytes.length);
    return publications;
  }

  async #hash(piece: Piece, start: number, { blocks, segments }: SlicePlan): Promise<SliceResult> {
    const jobs = [blocks, segments].flatMap((job) =>
      job ? [{ ...job, offsetBytes: start + job.offsetBytes }] : [],
    );
    try {
      return await this.#run({ buffer: piece.buffer, jobs });
    } catch (cause) {
      throw hashFailure(this.#name, piece.offsetBytes, cause);
    }
  }

  /** Never rejects: the first failure is kept for `publish` to throw. */
  async #collect(
    before: Promise<void>,
    hashed: Promise<SliceResult>,
    { blocks, segments }: SlicePlan,
    bytesDone: number,
  ): Promise<void> {
    try {
      // Both at once: a result that fails while an earlier one is awaited must not go unhandled.
      const [result] = await Promise.all([hashed, before]);
      const hashes = result.values();
      if (blocks) this.#sink.blockHashes.append(hashes.next().value!);
      if (segments) {
        this.#sink.segmentHashes.append(hashes.next().value!);
        for (const length of segments.lengths) this.#sink.segmentLengths.push(length);
      }
      this.#onProgress(bytesDone);
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}

/** The error for a failure that neither file nor stream caused: a worker failed, or the pool was closed. */
export function hashFailure(name: string, offsetBytes: number, cause: unknown): ContentError {
  return new ContentError("BC_CONTENT_HASH", `${name} at byte ${offsetBytes}: ${errorMessage(cause)}`, {
    cause,
  });
}
