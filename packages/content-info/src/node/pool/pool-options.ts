import type { AnyVersions, PublisherOptions } from "../../publisher.ts";

/**
 * What both kinds of content have in common: versions and algorithm as for `createPublisher`, and cancelling. The
 * pool's threads hash with `nodeHashEngine`.
 */
export interface PoolPublishOptions<Versions extends AnyVersions = AnyVersions>
  extends Omit<PublisherOptions<Versions>, "engine"> {
  /** When aborted, the promise rejects with its reason; a worker finishes the piece that it has, 2 MiB at most. */
  readonly signal?: AbortSignal;
}

/** Options of `HashingPool.publishFile`. */
export interface PoolFileOptions<Versions extends AnyVersions = AnyVersions>
  extends PoolPublishOptions<Versions> {
  /** Called in order as parts of some MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
}

/** Options of `HashingPool.publishStream`. */
export interface PoolStreamOptions<Versions extends AnyVersions = AnyVersions>
  extends PoolPublishOptions<Versions> {
  /** What errors call the content. Default `stream`. */
  readonly name?: string;
  /** Called in order as parts of some MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number) => void;
}
