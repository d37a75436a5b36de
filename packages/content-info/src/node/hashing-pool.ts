/** Publishes big contents on all cores: the caller's thread reads and cuts, worker threads hash. */
import { availableParallelism } from "node:os";
import { errorMessage } from "@branchcache/runtime";
import { Piscina } from "piscina";
import { ContentError } from "../errors.ts";
import { GrowingBytes } from "../growing-bytes.ts";
import {
  type Publications,
  type PublisherOptions,
  publicationOfBlocks,
  publicationOfSegments,
  publishBytes,
} from "../publisher.ts";
import { nodeHashEngine } from "./hash-engine.ts";
import type { SliceResult, SliceTask } from "./hash-task.ts";
import { BufferPool, HEADROOM_BYTES, type Piece, piecesOfFile, piecesOfStream } from "./pieces.ts";
import { type SlicePlan, Slicer } from "./slicer.ts";
import { StableFile } from "./stable-file.ts";

export interface HashingPoolOptions {
  /** Threads at most. Default: one for each core. They start when needed and end after 30 s without work. */
  readonly workers?: number;
}

export interface PoolPublishOptions extends Omit<PublisherOptions, "engine"> {
  /** When aborted, the promise rejects with its reason; work already with a worker is let finish. */
  readonly signal?: AbortSignal;
}

export interface PoolFileOptions extends PoolPublishOptions {
  /** Called in order as parts of some 2 MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
}

export interface PoolStreamOptions extends PoolPublishOptions {
  /** What errors call the content. Default `stream`. */
  readonly name?: string;
  /** Called in order as parts of some 2 MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number) => void;
}

/**
 * Each content takes about 2 MiB for each worker and 6 MiB more, never over 64 MiB, whatever its length. One of up
 * to 2 MiB is hashed on the caller's thread. Rejections are `ContentError` with name and offset, as of `publishFile`;
 * `BC_CONTENT_HASH` where a worker failed or the pool was closed.
 */
export interface HashingPool extends AsyncDisposable {
  publishFile(path: string, options?: PoolFileOptions): Promise<Publications>;
  /** Content of unknown length. The chunks are copied; the source is closed if it is not read to its end. */
  publishStream(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: PoolStreamOptions,
  ): Promise<Publications>;
  /** Ends the threads; work under way rejects. May be called again. */
  close(): Promise<void>;
}

const IDLE_MS = 30_000;
/** Beside those with workers: one being read, one being cut, one waiting. */
const SPARE_BUFFERS = 3;
const MAX_BUFFERS = 28;

export function createHashingPool(options: HashingPoolOptions = {}): HashingPool {
  const workers = Math.max(options.workers ?? availableParallelism(), 1);
  const piscina = new Piscina<SliceTask, SliceResult>({
    filename: new URL("./hash-worker.js", import.meta.url).href,
    minThreads: 0,
    maxThreads: workers,
    idleTimeout: IDLE_MS,
    recordTiming: false,
  });
  let closing: Promise<void> | undefined;
  const requireOpen = (name: string) => {
    if (closing !== undefined)
      throw new ContentError("BC_CONTENT_HASH", `${name} at byte 0: the pool is closed`);
  };
  const run = async (task: SliceTask) => {
    // A destroyed pool would start new threads for it.
    if (closing !== undefined) throw new Error("the pool is closed");
    return piscina.run(task);
  };
  const makeBuffers = () => new BufferPool(Math.min(workers + SPARE_BUFFERS, MAX_BUFFERS));
  const close = () => {
    closing ??= piscina.destroy();
    return closing;
  };
  return {
    async publishFile(path, { onProgress, ...rest } = {}) {
      requireOpen(path);
      rest.signal?.throwIfAborted();
      const file = await StableFile.open(path);
      try {
        const work = new PooledPublication(path, run, rest, (done) => onProgress?.(done, file.sizeBytes));
        const publications = await work.publish((buffers) => piecesOfFile(file, buffers), makeBuffers());
        await file.requireUnchanged();
        return publications;
      } finally {
        await file.close();
      }
    },
    async publishStream(source, { name = "stream", onProgress, ...rest } = {}) {
      requireOpen(name);
      rest.signal?.throwIfAborted();
      const { signal } = rest;
      const work = new PooledPublication(name, run, rest, (done) => onProgress?.(done));
      return work.publish((buffers) => piecesOfStream(source, buffers, { name, signal }), makeBuffers());
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** One content on its way through the pool. */
class PooledPublication {
  readonly #name: string;
  readonly #run: (task: SliceTask) => Promise<SliceResult>;
  readonly #options: PoolPublishOptions;
  readonly #onProgress: (bytesDone: number) => void;
  readonly #blockHashes = new GrowingBytes();
  readonly #segmentHashes = new GrowingBytes();
  readonly #segmentLengths: number[] = [];
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
    return {
      ...(versions.includes(1) && {
        v1: publicationOfBlocks(nodeHashEngine, algorithm, lengthBytes, this.#blockHashes.copy()),
      }),
      ...(versions.includes(2) && {
        v2: publicationOfSegments(this.#segmentLengths, this.#segmentHashes.copy()),
      }),
    };
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
      const message = `${this.#name} at byte ${piece.offsetBytes}: ${errorMessage(cause)}`;
      throw new ContentError("BC_CONTENT_HASH", message, { cause });
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
      if (blocks) this.#blockHashes.append(hashes.next().value!);
      if (segments) {
        this.#segmentHashes.append(hashes.next().value!);
        for (const length of segments.lengths) this.#segmentLengths.push(length);
      }
      this.#onProgress(bytesDone);
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
