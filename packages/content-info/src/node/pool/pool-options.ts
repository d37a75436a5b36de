import type { PublisherOptions } from "../../publisher.ts";

export interface PoolPublishOptions extends Omit<PublisherOptions, "engine"> {
  /** When aborted, the promise rejects with its reason; a worker finishes the piece that it has, 2 MiB at most. */
  readonly signal?: AbortSignal;
}

export interface PoolFileOptions extends PoolPublishOptions {
  /** Called in order as parts of some MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
}

export interface PoolStreamOptions extends PoolPublishOptions {
  /** What errors call the content. Default `stream`. */
  readonly name?: string;
  /** Called in order as parts of some MiB are hashed, and at the end. */
  readonly onProgress?: (bytesDone: number) => void;
}
