/** Publishes large content on all cores. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { V1_BLOCK_BYTES } from "../../constants.ts";
import type { AnyVersions, Publications, PublicationsOf } from "../../publisher.ts";
import { StableFile } from "../stable-file.ts";
import { HashSink } from "./hash-sink.ts";
import type { PartResult, PartTask, SliceResult, SliceTask } from "./hash-task.ts";
import { hashParts, type PartsOptions } from "./parts.ts";
import { hashFailure, PiecePublisher } from "./piece-publisher.ts";
import { BufferPool, piecesOfFile, piecesOfStream } from "./pieces.ts";
import type { PoolFileOptions, PoolStreamOptions } from "./pool-options.ts";

/** How many threads a pool may use. */
export interface HashingPoolOptions {
  /** Threads at most. Default: one for each core. They start when needed and end after 30 s without work. */
  readonly workers?: number;
}

/**
 * Memory for each content that is being hashed, whatever its length: 2 MiB for each worker and 6 MiB more, at most 64 MiB,
 * and its hashes, 32 bytes for 64 KiB of content and version. Content of up to 2 MiB is hashed on the caller's thread.
 * Rejects with `ContentError`, which names content and offset: the codes of `publishFile`, and `BC_CONTENT_HASH` where a
 * worker failed or the pool was closed.
 */
export interface HashingPool extends AsyncDisposable {
  /**
   * Cuts and hashes a file; one of 16 MiB or more in parts that the threads read and hash side by side. Rejects as
   * `publishFile` does if the file cannot be read or changes meanwhile.
   */
  publishFile<const Versions extends AnyVersions = readonly [1, 2]>(
    path: string,
    options?: PoolFileOptions<Versions>,
  ): Promise<PublicationsOf<Versions>>;
  /** Content of unknown length. The chunks are copied; the source is closed if it is not read to its end. */
  publishStream<const Versions extends AnyVersions = readonly [1, 2]>(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: PoolStreamOptions<Versions>,
  ): Promise<PublicationsOf<Versions>>;
  /** Ends the threads; work under way rejects. May be called again. */
  close(): Promise<void>;
}

const IDLE_MS = 30_000;
/** Buffers beside those of the workers: one being read, one being cut, one waiting. */
const SPARE_BUFFERS = 3;
const MAX_BUFFERS = 28;
/** Shorter files are read and cut on the caller's thread, and so are all files if there is only one worker. */
const MIN_PARTED_BYTES = 16 << 20;
const MAX_PART_BYTES = 16 << 20;

/** A pool of worker threads, none of which runs before there is work. The caller closes it. */
export function createHashingPool(options: HashingPoolOptions = {}): HashingPool {
  const workers = Math.max(options.workers ?? availableParallelism(), 1);
  // Loaded by the first pool: a node that only serves blocks never needs it.
  const { Piscina } = createRequire(import.meta.url)("piscina") as typeof import("piscina");
  const piscina = new Piscina({
    filename: new URL("./hash-worker.js", import.meta.url).href,
    minThreads: 0,
    maxThreads: workers,
    idleTimeout: IDLE_MS,
    // The caller's own flags, such as import conditions, are not for the workers.
    execArgv: [],
    recordTiming: false,
  });
  let closing: Promise<void> | undefined;
  const requireOpen = (name: string) => {
    if (closing !== undefined) throw hashFailure(name, 0, new Error("the pool is closed"));
  };
  const run = async (task: unknown, name: "hashPart" | "hashSlices") => {
    // A destroyed pool would start new threads for it.
    if (closing !== undefined) throw new Error("the pool is closed");
    return piscina.run(task, { name });
  };
  const runSlices = (task: SliceTask): Promise<SliceResult> => run(task, "hashSlices");
  const makeBuffers = () => new BufferPool(Math.min(workers + SPARE_BUFFERS, MAX_BUFFERS));

  const publishParts = async (file: StableFile, { onProgress, ...rest }: PoolFileOptions) => {
    const { versions = [1, 2], algorithm = "sha256", signal } = rest;
    const sink = new HashSink();
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const onAbort = () => Atomics.store(stop, 0, 1);
    const parts: PartsOptions = {
      descriptor: file.descriptor,
      fileBytes: file.sizeBytes,
      partBytes: partBytesOf(file.sizeBytes, workers),
      blocksBy: versions.includes(1) ? algorithm : undefined,
      segments: versions.includes(2),
      stop,
      ahead: workers + 1,
      run: (task: PartTask): Promise<PartResult> => {
        signal?.throwIfAborted();
        return run(task, "hashPart").catch((cause: unknown) => {
          throw hashFailure(file.path, task.startBytes, cause);
        });
      },
      onFault: ({ offsetBytes, message }) => {
        signal?.throwIfAborted();
        return file.faultAt(offsetBytes, message);
      },
      onPart: (bytesDone) => {
        onProgress?.(bytesDone, file.sizeBytes);
        signal?.throwIfAborted();
      },
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await hashParts(parts, sink);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    return sink.publications(rest, file.sizeBytes);
  };
  const publishPieces = (file: StableFile, { onProgress, ...rest }: PoolFileOptions) => {
    const onPiece = (done: number) => onProgress?.(done, file.sizeBytes);
    const publisher = new PiecePublisher(file.path, runSlices, rest, onPiece);
    return publisher.publish((buffers) => piecesOfFile(file, buffers), makeBuffers());
  };
  const close = () => {
    closing ??= piscina.destroy();
    return closing;
  };
  // Declared twice each: for callers with what they asked for, for the compiler with what is computed.
  function publishFile<const Versions extends AnyVersions = readonly [1, 2]>(
    path: string,
    publish?: PoolFileOptions<Versions>,
  ): Promise<PublicationsOf<Versions>>;
  async function publishFile(path: string, publish: PoolFileOptions = {}): Promise<Publications> {
    requireOpen(path);
    publish.signal?.throwIfAborted();
    const file = await StableFile.open(path);
    try {
      const parted = workers > 1 && file.sizeBytes >= MIN_PARTED_BYTES;
      const publications = await (parted ? publishParts(file, publish) : publishPieces(file, publish));
      await file.requireUnchanged();
      return publications;
    } finally {
      await file.close();
    }
  }
  function publishStream<const Versions extends AnyVersions = readonly [1, 2]>(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    publish?: PoolStreamOptions<Versions>,
  ): Promise<PublicationsOf<Versions>>;
  async function publishStream(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { name = "stream", onProgress, ...rest }: PoolStreamOptions = {},
  ): Promise<Publications> {
    requireOpen(name);
    rest.signal?.throwIfAborted();
    const { signal } = rest;
    const publisher = new PiecePublisher(name, runSlices, rest, (done) => onProgress?.(done));
    return publisher.publish((buffers) => piecesOfStream(source, buffers, { name, signal }), makeBuffers());
  }
  return { publishFile, publishStream, close, [Symbol.asyncDispose]: close };
}

/** Some parts for each worker, so that they end at about the same time; whole blocks in each. */
function partBytesOf(fileBytes: number, workers: number): number {
  const even = Math.ceil(fileBytes / (4 * workers) / V1_BLOCK_BYTES) * V1_BLOCK_BYTES;
  return Math.min(Math.max(even, 4 << 20), MAX_PART_BYTES);
}
