/** What the hashing pool and its worker threads tell each other. */

/** Slices that follow one another. */
export interface SliceJob {
  readonly hash: "sha256" | "sha384" | "sha512";
  /** Of each hash only so many bytes count. */
  readonly hashBytes: number;
  /** Where in the buffer the first slice begins. */
  readonly offsetBytes: number;
  /** Of all slices. */
  readonly lengths: Uint32Array;
}

export interface SliceTask {
  /** Not written to until the result is there. */
  readonly buffer: SharedArrayBuffer;
  readonly jobs: readonly SliceJob[];
}

/** For each job the hashes of its slices, joined. */
export type SliceResult = readonly Uint8Array[];
