/**
 * The blocks of one download, from when they are wanted until they are read: who may give each, what the finder is
 * asked, and which blocks nobody gives.
 */
import type { Segment } from "@branchcache/content-info";
import {
  mayGive,
  newSegment,
  newSlot,
  type PeerState,
  type SegmentState,
  type Slot,
  segmentKey,
} from "./fetch-state.ts";
import { FindPlanner } from "./find-planner.ts";
import type { FetchedPiece, FoundPeer, MissingReason, WantedBlock } from "./peers.ts";
import { SlotQueue } from "./slot-queue.ts";

/** How many blocks are known ahead of the reader, beyond those that are fetched ahead of it. */
const LOOKAHEAD_BLOCKS = 512;
/** At the start, so that the first question to the finder can take its sample from all of a content. */
const FIRST_LOOKAHEAD_BLOCKS = 8_192;
/** While the finder gets no answers, and its questions grow. */
const MAX_LOOKAHEAD_BLOCKS = 4_096;

const NO_BLOCKS: readonly WantedBlock[] = [];

export class WantedBlocks {
  readonly slots = new SlotQueue();
  readonly #readAheadBlocks: number;
  readonly #peers: ReadonlyMap<string, PeerState>;
  /** Those with blocks that are not read yet, or that the finder is being asked about. */
  readonly #segments = new Map<string, SegmentState>();
  readonly #finds = new FindPlanner();
  /** No further blocks will be wanted. */
  #ended = false;
  /** Of the block that was wanted last. */
  #lastSegment: SegmentState | undefined;
  #givenUp: WantedBlock[] = [];

  constructor(readAheadBlocks: number, peers: ReadonlyMap<string, PeerState>) {
    this.#readAheadBlocks = readAheadBlocks;
    this.#peers = peers;
  }

  /** How many more wanted blocks it would like to know now. */
  get lookahead(): number {
    if (this.#ended) return 0;
    if (this.slots.end === 0) return FIRST_LOOKAHEAD_BLOCKS;
    const limit = this.#finds.fruitless ? MAX_LOOKAHEAD_BLOCKS : LOOKAHEAD_BLOCKS;
    return Math.max(0, limit + this.#readAheadBlocks - (this.slots.end - this.slots.head));
  }

  /** All blocks are known and read. */
  get finished(): boolean {
    return this.#ended && this.slots.head === this.slots.end;
  }

  /** `last`: these are the last ones. */
  add(blocks: readonly WantedBlock[], last: boolean): void {
    if (last) {
      this.#ended = true;
      this.#growLast(undefined);
    }
    for (const { segment, blockIndex } of blocks) {
      const state = this.#segmentOf(segment);
      this.#growLast(state);
      const slot = newSlot(state, blockIndex, this.slots.end);
      this.slots.push(slot);
      state.slots.add(slot);
      this.place(slot);
    }
  }

  /** The next piece in the order of reading, if it is there. */
  take(): FetchedPiece | undefined {
    const slot = this.slots.takeOver();
    if (!slot) return undefined;
    const { segment } = slot;
    segment.slots.delete(slot);
    if (segment.slots.size === 0 && segment.discovery !== "asked") this.#forget(segment);
    const entering = this.slots.at(this.#nearEnd() - 1);
    if (entering) this.#finds.approach(entering.segment);
    return slot.piece;
  }

  /** Blocks given up since this was last asked, those whose turn is still to come among them. */
  takeGivenUp(): readonly WantedBlock[] {
    if (this.#givenUp.length === 0) return NO_BLOCKS;
    const blocks = this.#givenUp;
    this.#givenUp = [];
    return blocks;
  }

  /** What to ask the finder now, if anything. */
  nextFind(): readonly Segment[] | undefined {
    return this.#finds.next(this.#nearEnd(), this.#segments.values())?.map(({ segment }) => segment);
  }

  /** The finder says that this peer holds these. */
  onFound(peer: PeerState, segments: FoundPeer["segments"]): void {
    for (const { complete, id } of segments) {
      const state = this.#segments.get(segmentKey(id));
      if (!state) continue;
      this.#finds.noteAnswer();
      peer.hopeful = true;
      peer.fruitlessGuesses = 0;
      const known = state.holdings.get(peer)?.state;
      if (known === undefined || known === "none") {
        state.holdings.set(peer, { state: complete ? "all" : "some", advertised: true });
      }
    }
    // What it was not asked about it may hold as well, which is cheaper to try than to ask the branch.
    this.#finds.clear();
    this.placeAll();
  }

  /** The finder has no more to say to the question under way. */
  onFindEnded(): void {
    for (const segment of this.#finds.end()) {
      for (const slot of segment.slots) this.place(slot);
      if (segment.slots.size === 0) this.#forget(segment);
    }
    if (!this.#finds.alone) return;
    this.#finds.clear();
    this.placeAll();
  }

  /** What was to come from a hosted cache that is lost may be held by another one, or by neighbours. */
  findAgain(lost: PeerState): void {
    for (const segment of this.#segments.values()) {
      if (segment.discovery !== "done" || segment.askedAgain || !segment.holdings.has(lost)) continue;
      segment.askedAgain = true;
      segment.discovery = "none";
    }
  }

  placeAll(): void {
    for (let order = this.slots.head; order < this.slots.end; order++) {
      const slot = this.slots.at(order);
      if (slot) this.place(slot);
    }
  }

  /** Sees to it that an idle block has a peer who may give it, or else the finder; else it is given up. */
  place(slot: Slot): void {
    if (slot.state !== "idle") return;
    const { segment } = slot;
    for (const peer of this.#peers.values()) {
      if (mayGive(peer, slot) !== "no") return;
    }
    if (segment.discovery === "done" || (segment.discovery === "none" && this.#finds.alone)) {
      this.giveUp(slot, slot.lastFailure);
    } else if (segment.discovery === "none") {
      this.#finds.add(segment, slot.order < this.#nearEnd());
    }
  }

  giveUp(slot: Slot, reason: MissingReason): void {
    const { blockIndex, segment } = slot;
    end(slot, { kind: "missing", segment: segment.segment, blockIndex, reason });
    this.#givenUp.push({ segment: segment.segment, blockIndex });
  }

  /** A peer gave it. */
  fill(slot: Slot, piece: FetchedPiece): void {
    this.#finds.noteServed();
    end(slot, piece);
  }

  /** Order of the first slot that the reader is not near. A method, since V8 is slow at private getters. */
  #nearEnd(): number {
    return this.slots.head + this.#readAheadBlocks;
  }

  /** Blocks are wanted segment by segment: of all but the last one, all are known. */
  #growLast(segment: SegmentState | undefined): void {
    if (this.#lastSegment) this.#lastSegment.mayGrow = false;
    if (segment) segment.mayGrow = !this.#ended;
    this.#lastSegment = segment;
  }

  #segmentOf(segment: Segment): SegmentState {
    if (this.#lastSegment?.segment === segment) return this.#lastSegment;
    const key = segmentKey(segment.id);
    const state = this.#segments.get(key) ?? newSegment(segment, key);
    this.#segments.set(key, state);
    return state;
  }

  #forget(segment: SegmentState): void {
    this.#segments.delete(segment.key);
    if (this.#lastSegment === segment) this.#lastSegment = undefined;
    this.#finds.remove(segment);
  }
}

function end(slot: Slot, piece: FetchedPiece): void {
  slot.state = "over";
  slot.piece = piece;
}
