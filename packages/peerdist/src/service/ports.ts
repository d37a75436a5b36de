/** What the service needs from below: the blocks of a node. A `PeerNode` has them as `blocks`. */
import type { Segment } from "@branchcache/content-info";
import type { FetchWantedOptions, NodeBlocks } from "@branchcache/peer-node";

/**
 * The local cache and the branch, as the service uses them. `NodeBlocks` of `@branchcache/peer-node` says what the
 * other methods do.
 */
export interface BlockAccess
  extends Pick<NodeBlocks, "held" | "read" | "release" | "keep" | "flush" | "flashCrowd"> {
  /** From peers, in the order wanted, verified and kept. Rejects with `signal.reason`. */
  fetch(wanted: Iterable<BlockName>, options: FetchWantedOptions): AsyncIterable<FetchedPiece>;
}

/** A block by its segment and its index there, from 0. */
export interface BlockName {
  readonly segment: Segment;
  readonly blockIndex: number;
}

/** Who gave a block: a peer of the link, or a hosted cache. */
export type FetchedFrom = "peer" | "hosted";

/** A block that came, verified, or why it did not. */
export type FetchedPiece =
  | (BlockName & {
      readonly kind: "block";
      readonly bytes: Uint8Array;
      readonly from: { readonly kind: FetchedFrom };
    })
  | (BlockName & { readonly kind: "missing"; readonly reason: "no-peer" | "failed" | "timeout" });
