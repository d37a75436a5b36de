/** When a segment is worth an offer: not for every block. [MS-PCHC] 3.2.4, [MS-CCRSO] note 15 */
import { blockCount, type Segment } from "@branchcache/content-info";
import { setNewest, toHex } from "@branchcache/runtime";
import { OFFER_STEPS } from "../limits.ts";

interface Progress {
  readonly have: Uint8Array;
  count: number;
}

/** Segments being filled at the same time; the one that got no block for longest is forgotten. */
const MAX_SEGMENTS = 1_024;

/**
 * Counts the blocks of segments that are being filled, and says when a share is reached at which the segment is
 * offered: by default at 20, 40, 60, 80 and 100 percent. Remembers 1,024 segments.
 */
export class OfferSteps {
  readonly #shares: readonly number[];
  readonly #segments = new Map<string, Progress>();

  /** Percents of a segment's blocks, ascending. */
  constructor(percents: readonly number[] = OFFER_STEPS) {
    this.#shares = percents.map((percent) => percent / 100);
  }

  /** One new block that did not come from the hosted cache: whether the segment is to be offered now. */
  note(segment: Segment, blockIndex: number): boolean {
    const total = blockCount(segment);
    if (total === 1) return this.#shares.length > 0;
    const key = toHex(segment.id);
    const progress = this.#segments.get(key) ?? { have: new Uint8Array(total), count: 0 };
    const isNew = progress.have[blockIndex] !== 1;
    if (isNew) {
      progress.have[blockIndex] = 1;
      progress.count++;
    }
    if (progress.count < total) setNewest(this.#segments, key, progress, MAX_SEGMENTS);
    else this.#segments.delete(key);
    return isNew && this.#shares.some((share) => Math.ceil(share * total) === progress.count);
  }
}
