/** What the fetch machine is told, what it wants done, and the limits that it keeps to. */
import type { SealedBlock, Segment } from "@branchcache/content-info";
import type { IndexRange } from "../messages/ranges.ts";
import type { Ask, BlockAsk, ListAsk, PeerState } from "./fetch-state.ts";
import type { ConductLimits, DropReason } from "./peer-conduct.ts";
import type { LinkFailure } from "./peer-link.ts";
import type { FoundPeer, PeerSource, WantedBlock } from "./peers.ts";

export interface FetchLimits extends ConductLimits {
  /** Peers used in one download. */
  readonly maxPeers: number;
  /** Requests under way at one peer. */
  readonly window: number;
  /** Blocks asked for before the reader has taken the first of them. */
  readonly readAheadBlocks: number;
  /**
   * A block that was first asked for longer ago than this is not asked for again. The Download Timer of
   * [MS-CCROD] 2.8.1.2.2, whose value is the application's: a session is one wanted block here, since a whole
   * segment of 32 MB in 5 s would send everything below 6.4 MB/s across the WAN.
   */
  readonly blockTimeoutMs: number;
  /** Which of the blocks within reach goes first: the one read first, or the one that fewest peers hold. */
  readonly order: "reading" | "rarest";
}

export type BlockOutcome =
  | {
      readonly kind: "block";
      readonly bytes: Uint8Array;
      readonly sealed: SealedBlock | undefined;
      readonly tookMs: number;
    }
  | { readonly kind: "empty" }
  /** Another peer was faster. */
  | { readonly kind: "late"; readonly tookMs: number }
  /** Bytes that are not the block's. */
  | { readonly kind: "lie" }
  /** An answer that does not fit the request, or a block that cannot be decrypted. */
  | { readonly kind: "nonsense" }
  | { readonly kind: "failed"; readonly reason: LinkFailure };

export type ListOutcome =
  | { readonly kind: "list"; readonly ranges: readonly IndexRange[]; readonly tookMs: number }
  | { readonly kind: "nonsense" }
  | { readonly kind: "failed"; readonly reason: LinkFailure };

export type FetchInput =
  | { readonly kind: "peer"; readonly peer: PeerSource }
  | { readonly kind: "wanted"; readonly blocks: readonly WantedBlock[]; readonly last: boolean }
  | { readonly kind: "found"; readonly found: FoundPeer }
  | { readonly kind: "findEnded" }
  /** An answer came, and is still to be verified: the peer may be asked for more. `blockAnswered` follows. */
  | { readonly kind: "arrived"; readonly ask: BlockAsk }
  | { readonly kind: "blockAnswered"; readonly ask: BlockAsk; readonly outcome: BlockOutcome }
  | { readonly kind: "listAnswered"; readonly ask: ListAsk; readonly outcome: ListOutcome }
  /** The reader took pieces, or a moment that the machine asked for has come. */
  | { readonly kind: "tick" };

export type FetchEffect =
  | { readonly kind: "ask"; readonly ask: Ask }
  | { readonly kind: "find"; readonly segments: readonly Segment[] }
  | {
      readonly kind: "drop";
      readonly peer: PeerState;
      readonly reason: DropReason;
      /** The block that was not what it should be. */
      readonly block?: WantedBlock;
    };
