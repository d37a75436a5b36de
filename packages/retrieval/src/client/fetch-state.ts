/** What the fetch machine remembers: blocks wanted, their segments, and peers. */
import type { Segment, SegmentId } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
import type { IndexRange } from "../messages/ranges.ts";
import type { FetchedPiece, MissingReason, PeerSource } from "./peers.ts";

/** At most so many consecutive blocks are asked for without a block list. [MS-PCCRR] 3.1.4.3, note 10 */
const SIMPLE_DOWNLOAD_BLOCKS = 3;
/** Of one block from one peer. */
const MAX_TRIES = 3;

/** One wanted block, from the moment it is known until its reader has it. */
export interface Slot {
  readonly segment: SegmentState;
  readonly blockIndex: number;
  /** Place in the order of reading, counted from 0. */
  readonly order: number;
  state: "idle" | "asked" | "over";
  readonly asks: BlockAsk[];
  tries: Map<PeerState, number> | undefined;
  firstAskedMs: number | undefined;
  lastFailure: MissingReason;
  /** Set when it is over. */
  piece: FetchedPiece | undefined;
}

export interface BlockAsk {
  readonly kind: "block";
  readonly peer: PeerState;
  readonly slot: Slot;
  readonly askedMs: number;
  over: boolean;
}

export interface ListAsk {
  readonly kind: "list";
  readonly peer: PeerState;
  readonly segment: SegmentState;
  readonly range: IndexRange;
  over: boolean;
}

export type Ask = BlockAsk | ListAsk;

/** What a peer holds of a segment, as far as it is known; `advertised`: by its own word. */
export interface Holding {
  readonly state: "all" | "some" | "listing" | "listed" | "none";
  readonly advertised: boolean;
  /** 1 for each block on the peer's list. */
  readonly blocks?: Uint8Array;
}

export interface SegmentState {
  readonly segment: Segment;
  readonly key: string;
  /** Whether the finder was asked. */
  discovery: "none" | "asked" | "done";
  /** Asked for once more, since a hosted cache that held it was lost. */
  askedAgain: boolean;
  /** Further blocks of it may be wanted than those known by now. */
  mayGrow: boolean;
  readonly holdings: Map<PeerState, Holding>;
  /** Slots not yet read. */
  readonly slots: Set<Slot>;
}

export interface PeerState {
  readonly source: PeerSource;
  alive: boolean;
  /** It held something of this content, or is configured: worth asking for what nobody told of. */
  hopeful: boolean;
  /** It gave a block. */
  served: boolean;
  readonly asks: Set<Ask>;
  window: number;
  maxWindow: number;
  timeouts: number;
  /** One after another. */
  failures: number;
  slowAnswers: number;
  busyAnswers: number;
  /** One after another. */
  lies: number;
  fruitlessGuesses: number;
  /** Busy: not to be asked before. */
  restUntilMs: number;
}

export function segmentKey(id: SegmentId): string {
  return toHex(id);
}

export function newSlot(segment: SegmentState, blockIndex: number, order: number): Slot {
  return {
    segment,
    blockIndex,
    order,
    state: "idle",
    asks: [],
    tries: undefined,
    firstAskedMs: undefined,
    lastFailure: "no-peer",
    piece: undefined,
  };
}

export function newSegment(segment: Segment, key: string): SegmentState {
  return {
    segment,
    key,
    discovery: "none",
    askedAgain: false,
    mayGrow: true,
    holdings: new Map(),
    slots: new Set(),
  };
}

export function newPeer(source: PeerSource, maxWindow: number): PeerState {
  return {
    source,
    alive: true,
    hopeful: true,
    served: false,
    asks: new Set(),
    window: 1,
    maxWindow,
    timeouts: 0,
    failures: 0,
    slowAnswers: 0,
    busyAnswers: 0,
    lies: 0,
    fruitlessGuesses: 0,
    restUntilMs: Number.NEGATIVE_INFINITY,
  };
}

/**
 * Whether this peer could give this block: `list` if its block list has to be asked for first, `wait` if
 * that is under way.
 */
export function mayGive(peer: PeerState, slot: Slot): "yes" | "list" | "wait" | "no" {
  if (!peer.alive) return "no";
  if (slot.tries !== undefined && (slot.tries.get(peer) ?? 0) >= MAX_TRIES) return "no";
  const holding = slot.segment.holdings.get(peer);
  switch (holding?.state) {
    case "none":
      return "no";
    case "listing":
      return "wait";
    case "listed":
      return holding.blocks?.[slot.blockIndex] === 1 ? "yes" : "no";
    case undefined:
      if (!peer.hopeful) return "no";
      break;
  }
  return isSimpleDownload(slot.segment) ? "yes" : "list";
}

/** Few blocks close together, which are asked for without a block list. [MS-PCCRR] 3.1.4.3 */
function isSimpleDownload({ mayGrow, segment, slots }: SegmentState): boolean {
  if (segment.version === 2 || segment.blockHashes.length <= SIMPLE_DOWNLOAD_BLOCKS) return true;
  if (mayGrow || slots.size > SIMPLE_DOWNLOAD_BLOCKS) return false;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const { blockIndex } of slots) {
    first = Math.min(first, blockIndex);
    last = Math.max(last, blockIndex);
  }
  return last - first < SIMPLE_DOWNLOAD_BLOCKS;
}

/** Notes a try that failed; `final` if the peer is not to be asked for this block again. */
export function noteTry(slot: Slot, peer: PeerState, final: boolean): void {
  slot.tries ??= new Map();
  slot.tries.set(peer, final ? MAX_TRIES : (slot.tries.get(peer) ?? 0) + 1);
}
