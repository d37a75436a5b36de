/** Decides which bytes of a buffer are hashed as blocks, which as segments, and which wait for the bytes to come. */

import { hashLengthBytes } from "../../algorithms.ts";
import { V1_BLOCK_BYTES } from "../../constants.ts";
import type { ContentInformationVersion, HashAlgorithm } from "../../types.ts";
import { SegmentCutter } from "../../v2-cutter.ts";
import { NATIVE_HASHES } from "../node-hash-engine.ts";
import type { SliceJob } from "./hash-task.ts";

export interface SlicePlan {
  /** Of version 1.0, then of version 2.0, where each was asked for; offsets count from the view's start. */
  readonly blocks?: SliceJob;
  readonly segments?: SliceJob;
  /** How many bytes at the end belong to an unfinished block or segment: the next view has to begin with them. Less than 128 KiB. */
  readonly carryBytes: number;
}

/** Cuts content that comes in views, each beginning with the bytes carried over from the one before. */
export class Slicer {
  readonly #cutter: SegmentCutter | undefined;
  readonly #blocksBy: HashAlgorithm | undefined;
  #carryBytes = 0;
  /** Where in the next view the unfinished block and the unfinished segment begin. */
  #blockStart = 0;
  #segmentStart = 0;

  constructor(versions: readonly ContentInformationVersion[], algorithm: HashAlgorithm) {
    this.#blocksBy = versions.includes(1) ? algorithm : undefined;
    this.#cutter = versions.includes(2) ? new SegmentCutter() : undefined;
  }

  /** What to hash of this view. `last`: nothing follows. */
  plan(bytes: Uint8Array, last: boolean): SlicePlan {
    const blocks = this.#blocksBy && sliceJob(this.#blocksBy, this.#blockStart, this.#cutBlocks(bytes, last));
    const segments =
      this.#cutter &&
      sliceJob("sha512-truncated", this.#segmentStart, this.#cutSegments(this.#cutter, bytes, last));
    const blockStart = blocks ? endOf(blocks) : bytes.length;
    const segmentStart = segments ? endOf(segments) : bytes.length;
    const keepFrom = Math.min(blockStart, segmentStart);
    this.#blockStart = blockStart - keepFrom;
    this.#segmentStart = segmentStart - keepFrom;
    this.#carryBytes = bytes.length - keepFrom;
    return { ...(blocks && { blocks }), ...(segments && { segments }), carryBytes: this.#carryBytes };
  }

  #cutBlocks(bytes: Uint8Array, last: boolean): number[] {
    const available = bytes.length - this.#blockStart;
    const lengths = new Array<number>(Math.floor(available / V1_BLOCK_BYTES)).fill(V1_BLOCK_BYTES);
    if (last && available % V1_BLOCK_BYTES > 0) lengths.push(available % V1_BLOCK_BYTES);
    return lengths;
  }

  #cutSegments(cutter: SegmentCutter, bytes: Uint8Array, last: boolean): number[] {
    const lengths: number[] = [];
    let start = this.#segmentStart;
    for (let at = this.#carryBytes; at < bytes.length; ) {
      const end = cutter.next(bytes, at);
      if (end < 0) break;
      lengths.push(end - start);
      start = end;
      at = end;
    }
    if (last && start < bytes.length) lengths.push(bytes.length - start);
    return lengths;
  }
}

function sliceJob(algorithm: HashAlgorithm, offsetBytes: number, lengths: readonly number[]): SliceJob {
  return {
    hash: NATIVE_HASHES[algorithm],
    hashBytes: hashLengthBytes(algorithm),
    offsetBytes,
    lengths: Uint32Array.from(lengths),
  };
}

function endOf({ offsetBytes, lengths }: SliceJob): number {
  return lengths.reduce((end, length) => end + length, offsetBytes);
}
