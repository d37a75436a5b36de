/** What the service needs from below: the blocks of a node. A `PeerNode` has them as `blocks`. */
import type { Segment } from "@branchcache/content-info";
import type { FetchWantedOptions, NodeBlocks } from "@branchcache/peer-node";

export interface BlockAccess
  extends Pick<NodeBlocks, "held" | "read" | "release" | "keep" | "flush" | "flashCrowd"> {
  /** From peers, in the order wanted, verified and kept. Rejects with `signal.reason`. */
  fetch(wanted: Iterable<BlockName>, options: FetchWantedOptions): AsyncIterable<FetchedPiece>;
}

export interface BlockName {
  readonly segment: Segment;
  readonly blockIndex: number;
}

export type FetchedFrom = "peer" | "hosted";

export type FetchedPiece =
  | (BlockName & {
      readonly kind: "block";
      readonly bytes: Uint8Array;
      readonly from: { readonly kind: FetchedFrom };
    })
  | (BlockName & { readonly kind: "missing"; readonly reason: "no-peer" | "failed" | "timeout" });
