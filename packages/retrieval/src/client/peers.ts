/** What the fetcher is told about peers, and what it gives back. */
import type { SealedBlock, Segment, SegmentId } from "@branchcache/content-info";
import type { Endpoint } from "@branchcache/runtime";

/** A server of blocks: a peer on the link, or a hosted cache. */
export interface PeerSource {
  /** The same for the same peer, however it was found. */
  readonly id: string;
  /** Alternatives: ways to reach the one peer. */
  readonly addresses: readonly Endpoint[];
  /** A hosted cache is asked for what it did not advertise, too, and may give some false blocks before it is dropped. */
  readonly kind: "peer" | "hosted";
}

/** That a peer answered, and what it says to hold of the segments that were asked about. */
export interface FoundPeer {
  readonly peer: PeerSource;
  /** Those that it holds, in full or in part; `heldBlocks` where it told how many. */
  readonly segments: readonly {
    readonly id: SegmentId;
    readonly complete: boolean;
    readonly heldBlocks?: number;
  }[];
}

/** Asks the branch who holds segments. */
export interface PeerFinder {
  /** Ends when no more answers are to be expected. Several segments are one question, not many. */
  find(segments: readonly Segment[], signal: AbortSignal): AsyncIterable<FoundPeer>;
}

/** Names one block of one segment; indexes count from 0. */
export interface WantedBlock {
  readonly segment: Segment;
  /** Of the segment; its hash must be listed there. */
  readonly blockIndex: number;
}

/** Why a block could not be had from peers; the caller gets it from the content's origin. */
export type MissingReason =
  /** Nobody is known who would hold it. */
  | "no-peer"
  /** Those who hold it failed: gone, busy, lying or talking nonsense. */
  | "failed"
  /** Those who hold it did not answer in time. */
  | "timeout";

/** A block that came from a peer and fits its hash. */
export interface FetchedBlock {
  readonly kind: "block";
  readonly segment: Segment;
  readonly blockIndex: number;
  /** Verified plaintext, the caller's for good unless `releaseBytes` was set. */
  readonly bytes: Uint8Array;
  /** As received; only if length and padding are exact. The caller's for good, as views of bigger buffers. */
  readonly sealed?: SealedBlock;
  /** Who sent it. */
  readonly from: PeerSource;
}

/** A block that no peer gave. */
export interface MissingBlock {
  readonly kind: "missing";
  readonly segment: Segment;
  readonly blockIndex: number;
  readonly reason: MissingReason;
}

/** What `fetchBlocks` yields for each block that is wanted, in the order of reading. */
export type FetchedPiece = FetchedBlock | MissingBlock;
