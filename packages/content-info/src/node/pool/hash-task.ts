/** What the hashing pool and its worker threads tell each other. */

/** Slices that follow one another. */
export interface SliceJob {
  readonly hash: "sha256" | "sha384" | "sha512";
  /** How many bytes of each hash are kept. */
  readonly hashBytes: number;
  /** Where in the buffer the first slice begins. */
  readonly offsetBytes: number;
  /** Of all slices. */
  readonly lengths: Uint32Array;
}

export interface SliceTask {
  /** Nobody writes to it until the result is there. */
  readonly buffer: SharedArrayBuffer;
  readonly jobs: readonly SliceJob[];
}

/** For each job the hashes of its slices, joined. */
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
  /** Joined. */
  readonly blockHashes: Uint8Array;
  readonly segmentLengths: Uint32Array;
  /** Joined. */
  readonly segmentHashes: Uint8Array;
  /** Where the last segment ends: behind the part's end, or at it. */
  readonly segmentsEndBytes: number;
  /** Whether a segment that is cut from the part's end on ends there too: all further cuts are then the same. */
  readonly met: boolean;
}

/** The file was not read on from `offsetBytes`; without `message` it ends there. */
export interface PartFault {
  readonly offsetBytes: number;
  readonly message: string | undefined;
}

export type PartResult = PartHashes | PartFault;
