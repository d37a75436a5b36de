/**
 * The blocks that a node holds or can get, one by one: for callers with an order of reading of their own. How much of a
 * block is read, and whether at all, only they know: they count `retrieval_bytes_total` for what is held or fetched.
 */
import type { BlockStore } from "@branchcache/cache-store";
import type { Segment, SegmentId } from "@branchcache/content-info";
import {
  type FetchBlocksOptions,
  type FetchedPiece,
  fetchBlocks,
  type WantedBlock,
} from "@branchcache/retrieval";
import type { Observer } from "@branchcache/runtime";
import { keepOnArrival } from "./keep-on-arrival.ts";
import { reportReceived } from "./node-reader.ts";
import type { ProbeCrowd } from "./probe-crowd.ts";
import type { SegmentVault } from "./segment-vault.ts";

/** Options of `NodeBlocks.fetch`. */
export interface FetchWantedOptions {
  /** Ends the fetching, which rejects with its reason. */
  readonly signal: AbortSignal;
  /** What is fetched is kept under this tag, as with `keep`. */
  readonly tag: string;
  /** Milliseconds for which a block is asked for before it is missing. */
  readonly blockTimeoutMs: number;
}

/** The node's blocks, one by one. Indexes count from 0 within the segment; plaintext is the block's whole length. */
export interface NodeBlocks {
  /** Indexes of the blocks in the store, by segment; index-aligned. */
  held(segments: readonly Segment[]): Promise<readonly ReadonlySet<number>[]>;
  /** Verified plaintext from the store; undefined where it is not held. */
  read(segment: Segment, blockIndex: number): Promise<Uint8Array | undefined>;
  /** What `read` gave is not looked at any more: its memory is freed at once, and not when garbage is collected. */
  release(plaintext: Uint8Array): void;
  /**
   * Keeps a block that the caller verified. A tag of 16 bytes, in hexadecimal digits, goes with the segment when it is
   * offered to a hosted cache.
   */
  keep(
    segment: Segment,
    blockIndex: number,
    plaintext: Uint8Array,
    tag: string,
  ): Promise<"kept" | "not-kept">;
  /** From peers, in the order wanted, verified and kept; never from the store. Rejects with `signal.reason`. */
  fetch(wanted: Iterable<WantedBlock>, options: FetchWantedOptions): AsyncIterable<FetchedPiece>;
  /** Removes what was kept under this tag and no other. Gives the number of segments removed. */
  flush(tag: string): Promise<number>;
  /** Whether many in the branch ask for one of these just now. */
  flashCrowd(segments: readonly Segment[]): boolean;
}

export interface NodeBlocksOptions {
  readonly blocks: BlockStore;
  readonly vault: SegmentVault;
  readonly observer: Observer;
  readonly fetch: Omit<FetchBlocksOptions, "signal">;
  readonly crowd: Pick<ProbeCrowd, "wants">;
  /** A block is kept under this tag that no hosted cache gave. Must not throw. */
  readonly onKept?: (segment: Segment, blockIndex: number, tag: string) => void;
}

export function nodeBlocks(options: NodeBlocksOptions): NodeBlocks {
  const { blocks, vault, observer, fetch, crowd, onKept } = options;
  return {
    held: (segments) => vault.heldBlocks(segments),
    read: (segment, blockIndex) => vault.read(segment, blockIndex),
    release: (plaintext) => vault.release(plaintext),
    async keep(segment, blockIndex, plaintext, tag) {
      observer.count("retrieval_bytes_total", plaintext.length, { source: "origin", app: "api" });
      const result = await vault.keep(segment, blockIndex, plaintext, undefined, [tag]);
      if (result === "kept") onKept?.(segment, blockIndex, tag);
      return result;
    },
    async *fetch(wanted, { signal, tag, blockTimeoutMs }) {
      const keeping = keepOnArrival(vault, [tag]);
      for await (const piece of fetchBlocks(wanted, { ...fetch, ...keeping.fetch, signal, blockTimeoutMs })) {
        if (piece.kind === "block") {
          reportReceived(observer, piece);
          const isKept = (await keeping.kept(piece)) === "kept";
          if (isKept && piece.from.kind !== "hosted") onKept?.(piece.segment, piece.blockIndex, tag);
        }
        yield piece;
      }
    },
    flashCrowd: (segments) => crowd.wants(idsOf(segments)),
    flush: (tag) => blocks.removeAll({ tag, shared: false }),
  };
}

function* idsOf(segments: readonly Segment[]): Generator<SegmentId> {
  for (const { id } of segments) yield id;
}
