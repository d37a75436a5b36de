/**
 * The seam between whoever wants content and the node that finds it in the branch: in this process
 * (`startPeerNode`) or in a daemon behind a local socket (`connectBranchCache`).
 */
import type { ContentRange } from "@branchcache/content-info";
import type { FetchReport, PeerReport, SegmentReport } from "@branchcache/retrieval";

/** Where bytes came from, as metrics and reports name it. */
export type ByteSource = "local" | "peer" | "hosted" | "origin";

/** Why a piece has to come from the origin. */
export type MissingReason =
  /** Nobody said that they hold it. */
  | "no-peer"
  /** Those who hold it closed, answered wrongly or had nothing after all. */
  | "failed"
  /** Those who hold it did not answer in time. */
  | "timeout";

/** A run of whole blocks: their bytes, or word that the branch does not have them. */
export type ContentPiece =
  | {
      readonly kind: "data";
      /** From the start of the content. */
      readonly offsetBytes: number;
      /** Verified against the Content Information; owned by the receiver. */
      readonly bytes: Uint8Array;
      /** Where they came from. */
      readonly source: Exclude<ByteSource, "origin">;
    }
  | {
      /** To be fetched from the origin, in whole blocks as told here, and handed to `add`. */
      readonly kind: "missing";
      readonly offsetBytes: number;
      readonly lengthBytes: number;
      readonly reason: MissingReason;
    };

/** Why a reading went as it did: who was asked, what came from where, and why anything was missing. */
export interface Explanation {
  /** Those that were asked for anything. */
  readonly peers: readonly PeerReport[];
  /** Questions put to the link. */
  readonly questions: FetchReport["questions"];
  /** In content order; those not reached are not in it. */
  readonly segments: readonly SegmentExplanation[];
}

/** Where one segment's bytes came from. */
export interface SegmentExplanation {
  /** Lower case hexadecimal. */
  readonly segmentId: string;
  /** From the start of the content. */
  readonly offsetBytes: number;
  /** Of the whole segment. */
  readonly lengthBytes: number;
  /** From the node's own store. */
  readonly localBytes: number;
  /** Undefined where the store had all of it. */
  readonly fetch: Omit<SegmentReport, "segmentId"> | undefined;
}

/** Whom `pieces` tells what it finds out before its turn. */
export interface PiecesOptions {
  /** Whole blocks, ranges in no order. Must not throw. */
  readonly onMissing?: (ranges: readonly ContentRange[]) => void;
}

/**
 * One content being read. Pieces come in content order, without gaps, whole blocks each, and only
 * as fast as they are taken.
 */
export interface ContentReader extends AsyncDisposable {
  /** What the Content Information is about. */
  readonly range: ContentRange;
  /** The listed block that starts exactly there, as `add` wants it; undefined if none does. */
  blockAt(offsetBytes: number): { readonly offsetBytes: number; readonly lengthBytes: number } | undefined;
  /**
   * May be called once. `onMissing` hears of what nobody in the branch gives, as soon as that is known; it comes
   * among the pieces all the same, in its turn.
   */
  pieces(options?: PiecesOptions): AsyncIterable<ContentPiece>;
  /**
   * Takes one whole block that came from the origin: verified, then kept and served from now on.
   * `mismatch`: these are not the bytes that the Content Information speaks of; nothing was kept. The bytes are not
   * looked at any more when it has resolved.
   */
  add(offsetBytes: number, bytes: Uint8Array): Promise<"kept" | "not-kept" | "mismatch">;
  /**
   * Gives back the bytes of a piece whose receiver is done with them, once; nobody looks at them again. Need not be
   * called: it spares fresh memory for each block, and the time to collect that.
   */
  release?(bytes: Uint8Array): void;
  /** Of the pieces given so far; complete when they have ended. */
  explain(): Promise<Explanation>;
  /** Ends the reading: questions under way are dropped. Twice is harmless. */
  close(): Promise<void>;
}

/** Options of `BranchCache.open`. */
export interface OpenContentOptions {
  /** Ends the opening, and the reading after it, with its reason. */
  readonly signal?: AbortSignal;
  /** What an administrator is told that this content is: a URL without query and user information. */
  readonly name?: string;
}

/** Whatever gives content by its Content Information: a `PeerNode`, or the connection to a daemon. */
export interface BranchCache {
  /**
   * Reads what a content server sent. Errors: `DecodeError` for a malformed Content Information,
   * `BC_CONTENT_INFORMATION_INVALID` for one that contradicts itself.
   */
  open(contentInformation: Uint8Array, options?: OpenContentOptions): Promise<ContentReader>;
  /** Ends the reading of every content, and lets go of node or socket. Twice is harmless. */
  close(): Promise<void>;
}
