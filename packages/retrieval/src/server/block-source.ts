/** Where a server takes from what it serves: the port to a store. */
import type { CipherId, SealedBlock, SegmentId } from "@branchcache/content-info";

/** A held block, and what follows it. */
export interface SourceBlock {
  /** Encrypted, as it leaves; its memory must not change until `release`. */
  readonly sealed: SealedBlock;
  /** The lowest held index above the block's, 0 if there is none. */
  readonly nextBlockIndex: number;
  /** Called once when nobody looks at the block any more, so that its memory can be used again. */
  readonly release?: () => void;
}

/** What a server serves: verified blocks, or stored ciphertext whose key it need not know. */
export interface BlockSource {
  /** The held blocks' indexes in ascending order; undefined if the segment is unknown. */
  heldBlocks(id: SegmentId): Promise<readonly number[] | undefined>;
  /**
   * The block as it lies in the store, and the next held index above, 0 if there is none; undefined if it
   * is not held. A source that knows the key may honour `preferred`, the cipher the client asked for.
   */
  block(id: SegmentId, index: number, preferred: CipherId): Promise<SourceBlock | undefined>;
  /**
   * For each ID how long the segment has been held, in full or in part, in ms; undefined where it is not.
   * Without this, `heldBlocks` is asked and no ages are sent.
   */
  segmentAges?(ids: readonly SegmentId[]): Promise<readonly (number | undefined)[]>;
}
