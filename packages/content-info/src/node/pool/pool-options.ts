import type { PublisherOptions } from "../../publisher.ts";

/**
 * What both kinds of content have in common: versions and algorithm as for `createPublisher`, and cancelling. The
 * pool's threads hash with `nodeHashEngine`.
 */
export interface PoolPublishOptions extends Omit<PublisherOptions, "engine"> {
  /** When aborted, the promise rejects with its reason; a worker finishes the piece that it has, 2 MiB at most. */
  readonly signal?: AbortSignal;
}

/** Options of `HashingPool.publishFile`. */
export interface PoolFileOptions extends PoolPublishOptions {
  /** Called in order as parts of some MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
}

/** Options of `HashingPool.publishStream`. */
export interface PoolStreamOptions extends PoolPublishOptions {
  /** What errors call the content. Default `stream`. */
  readonly name?: string;
  /** Called in order as parts of some MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number) => void;
}
