/** The messages between the hashing pool and its worker threads. */

/** Slices of a buffer that follow one another, each to be hashed. */
export interface SliceJob {
  readonly hash: "sha256" | "sha384" | "sha512";
  /** How many bytes of each hash are kept. */
  readonly hashBytes: number;
  /** Where in the buffer the first slice begins. */
  readonly offsetBytes: number;
  /** Length of each slice. */
  readonly lengths: Uint32Array;
}

export interface SliceTask {
  /** Nobody writes to it until the result is there. */
  readonly buffer: SharedArrayBuffer;
  readonly jobs: readonly SliceJob[];
}

/** For each job, in order, the hashes of its slices, joined. */
export type SliceResult = readonly Uint8Array[];

/** A part of a file, read by the worker itself. */
export interface PartTask {
  /** Descriptors belong to the process: every thread may read from it. */
  readonly descriptor: number;
  readonly fileBytes: number;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Hash of the part's version 1.0 blocks, `startBytes` being the start of one; undefined: none are wanted. */
  readonly blocksBy: "sha256" | "sha384" | "sha512" | undefined;
  /** Whether version 2.0 segments are wanted, the first beginning at `startBytes`. */
  readonly segments: boolean;
  /** One shared number; once it is not 0, the part is given up at the next read. */
  readonly stop: Int32Array;
}

export interface PartHashes {
  /** Of version 1.0 blocks, joined. */
  readonly blockHashes: Uint8Array;
  /** Of version 2.0 segments, in order. */
  readonly segmentLengths: Uint32Array;
  /** Of version 2.0 segments, joined. */
  readonly segmentHashes: Uint8Array;
  /** Where the last segment ends: behind the part's end, or at it. */
  readonly segmentsEndBytes: number;
  /** Whether a segment that is cut from the part's end on ends there too: all further cuts are then the same. */
  readonly met: boolean;
}

/** Reading failed at `offsetBytes`; without `message` because the file ends there. */
export interface PartFault {
  readonly offsetBytes: number;
  readonly message: string | undefined;
}

export type PartResult = PartHashes | PartFault;
