/**
 * Who is asked for which block, and when: a machine without clock, sockets or crypto.
 * Rules: [MS-PCCRR] 3.1.4, and the segment retrieval session of [MS-CCRSO] 6.4 and 6.5.
 */
import type { SealedBlock, Segment } from "@branchcache/content-info";
import { AskPlanner } from "./ask-planner.ts";
import {
  type Ask,
  type BlockAsk,
  type Holding,
  type ListAsk,
  mayGive,
  newPeer,
  newSegment,
  newSlot,
  noteTry,
  type PeerState,
  type SegmentState,
  type Slot,
  segmentKey,
} from "./fetch-state.ts";
import type { BlockOutcome, FetchEffect, FetchInput, FetchLimits, ListOutcome } from "./fetch-steps.ts";
import { FindPlanner } from "./find-planner.ts";
import {
  type DropReason,
  noteBusyAnswer,
  noteFailure,
  noteFruitlessGuess,
  noteGoodAnswer,
  noteGoodBlock,
  noteLie,
  noteLinkFailure,
  noteWrongGuess,
} from "./peer-conduct.ts";
import type { LinkFailure } from "./peer-link.ts";
import type { FetchedPiece, FoundPeer, MissingReason, PeerSource, WantedBlock } from "./peers.ts";
import { SlotQueue } from "./slot-queue.ts";

/**
 * Blocks known ahead of the reader: enough to fetch from, and more at the start, for a question about a sample
 * of all of them, and when discovery wants big questions.
 */
const LOOKAHEAD_BLOCKS = 512;
const FIRST_LOOKAHEAD_BLOCKS = 8_192;
const MAX_LOOKAHEAD_BLOCKS = 4_096;

const NO_BLOCKS: readonly WantedBlock[] = [];

export class FetchMachine {
  readonly #limits: FetchLimits;
  readonly #peers = new Map<string, PeerState>();
  readonly #segments = new Map<string, SegmentState>();
  readonly #slots = new SlotQueue();
  readonly #asks: AskPlanner;
  readonly #finds = new FindPlanner();
  /** No further blocks will be wanted. */
  #ended = false;
  /** Of the block that was wanted last. */
  #lastSegment: SegmentState | undefined;
  #effects: FetchEffect[] = [];
  #givenUp: WantedBlock[] = [];
  #nowMs = 0;

  constructor(limits: FetchLimits) {
    this.#limits = limits;
    this.#asks = new AskPlanner(limits, this.#slots, this.#peers);
  }

  /** How many more wanted blocks it would like to know now. */
  get lookahead(): number {
    if (this.#ended) return 0;
    if (this.#slots.end === 0) return FIRST_LOOKAHEAD_BLOCKS;
    const limit = this.#finds.fruitless ? MAX_LOOKAHEAD_BLOCKS : LOOKAHEAD_BLOCKS;
    return Math.max(0, limit + this.#limits.readAheadBlocks - (this.#slots.end - this.#slots.head));
  }

  get finished(): boolean {
    return this.#ended && this.#slots.head === this.#slots.end;
  }

  /** The next piece in order, if it is there. A `tick` must follow. */
  take(): FetchedPiece | undefined {
    const slot = this.#slots.takeOver();
    if (!slot) return undefined;
    const { segment } = slot;
    segment.slots.delete(slot);
    if (segment.slots.size === 0 && segment.discovery !== "asked") this.#forget(segment);
    const entering = this.#slots.at(this.#slots.head + this.#limits.readAheadBlocks - 1);
    if (entering) this.#finds.approach(entering.segment);
    return slot.piece;
  }

  /** Blocks found missing since this was last asked, those whose turn is still to come among them. */
  takeGivenUp(): readonly WantedBlock[] {
    if (this.#givenUp.length === 0) return NO_BLOCKS;
    const blocks = this.#givenUp;
    this.#givenUp = [];
    return blocks;
  }

  /** When a `tick` is due without any other input; undefined for never. */
  wakeAtMs(): number | undefined {
    let atMs = Number.POSITIVE_INFINITY;
    let alive = 0;
    for (const { alive: isAlive, restUntilMs } of this.#peers.values()) {
      if (!isAlive) continue;
      alive++;
      if (restUntilMs > this.#nowMs) atMs = Math.min(atMs, restUntilMs);
    }
    // A block that is slow in coming is of interest only where somebody else could give it.
    if (alive > 1) atMs = Math.min(atMs, this.#asks.nextSlowAtMs(this.#nowMs) ?? atMs);
    return Number.isFinite(atMs) ? atMs : undefined;
  }

  step(input: FetchInput, nowMs: number): readonly FetchEffect[] {
    this.#nowMs = nowMs;
    this.#effects = [];
    switch (input.kind) {
      case "peer":
        this.#addPeer(input.peer);
        break;
      case "wanted":
        this.#addWanted(input.blocks, input.last);
        break;
      case "found":
        this.#onFound(input.found);
        break;
      case "findEnded":
        this.#onFindEnded();
        break;
      case "arrived":
        // With a window of one the answer has to be a good one first.
        if (input.ask.peer.window > 1) input.ask.peer.asks.delete(input.ask);
        break;
      case "blockAnswered":
        this.#onBlock(input.ask, input.outcome);
        break;
      case "listAnswered":
        this.#onList(input.ask, input.outcome);
        break;
    }
    for (const peer of this.#peers.values()) this.#fill(peer);
    this.#find();
    return this.#effects;
  }

  #addPeer(source: PeerSource): PeerState | undefined {
    const known = this.#peers.get(source.id);
    if (known) return known.alive ? known : undefined;
    let alive = 0;
    for (const peer of this.#peers.values()) if (peer.alive) alive++;
    if (alive >= this.#limits.maxPeers) return undefined;
    const peer = newPeer(source, this.#limits.window);
    this.#peers.set(source.id, peer);
    return peer;
  }

  #addWanted(blocks: readonly WantedBlock[], last: boolean): void {
    if (last) {
      this.#ended = true;
      this.#growLast(undefined);
    }
    for (const { segment, blockIndex } of blocks) {
      const state = this.#segmentOf(segment);
      this.#growLast(state);
      const slot = newSlot(state, blockIndex, this.#slots.end);
      this.#slots.push(slot);
      state.slots.add(slot);
      this.#place(slot);
    }
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

  #onFound({ peer: source, segments }: FoundPeer): void {
    const peer = this.#addPeer(source);
    if (!peer) return;
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
    this.#placeAll();
  }

  #onFindEnded(): void {
    for (const segment of this.#finds.end()) {
      for (const slot of segment.slots) this.#place(slot);
      if (segment.slots.size === 0) this.#forget(segment);
    }
    if (!this.#finds.alone) return;
    this.#finds.clear();
    this.#placeAll();
  }

  #onBlock(ask: BlockAsk, outcome: BlockOutcome): void {
    if (!this.#endAsk(ask)) return;
    const { peer, slot } = ask;
    switch (outcome.kind) {
      case "block":
        this.#onGoodAnswer(peer, outcome.tookMs);
        noteGoodBlock(peer);
        this.#finds.noteServed();
        this.#close(slot, blockPiece(slot, peer, outcome.bytes, outcome.sealed));
        return;
      case "late":
        this.#onGoodAnswer(peer, outcome.tookMs);
        return;
      case "empty":
        this.#onEmpty(peer, slot);
        break;
      case "lie":
        slot.lastFailure = "failed";
        noteTry(slot, peer, true);
        this.#dropFor(peer, noteLie(peer), { segment: slot.segment.segment, blockIndex: slot.blockIndex });
        break;
      case "nonsense":
        slot.lastFailure = "failed";
        noteTry(slot, peer, true);
        this.#dropFor(peer, noteFailure(peer));
        break;
      case "failed":
        this.#onLinkFailure(peer, outcome.reason, slot);
        break;
    }
    this.#toIdle(slot);
  }

  #onList(ask: ListAsk, outcome: ListOutcome): void {
    if (!this.#endAsk(ask)) return;
    const { peer, segment } = ask;
    const advertised = segment.holdings.get(peer)?.advertised ?? false;
    let holding: Holding = { state: "none", advertised: false };
    switch (outcome.kind) {
      case "list": {
        this.#onGoodAnswer(peer, outcome.tookMs);
        const blocks = new Uint8Array(ask.range.index + ask.range.count);
        for (const { count, index } of outcome.ranges) blocks.fill(1, index, index + count);
        if (outcome.ranges.length > 0) holding = { state: "listed", advertised: true, blocks };
        else this.#onFruitlessGuess(peer);
        break;
      }
      case "nonsense":
        this.#dropFor(peer, noteFailure(peer));
        break;
      case "failed":
        this.#onLinkFailure(peer, outcome.reason);
        // It may well have the segment: ask again, as often as its failures allow.
        if (peer.alive) holding = { state: "some", advertised };
        break;
    }
    segment.holdings.set(peer, holding);
    for (const slot of segment.slots) this.#place(slot);
  }

  #onGoodAnswer(peer: PeerState, tookMs: number): void {
    this.#asks.noteAnswer(tookMs);
    this.#dropFor(peer, noteGoodAnswer(peer, tookMs, this.#limits));
  }

  /** Busy, if it said that it has the block; a wrong guess of ours if not. */
  #onEmpty(peer: PeerState, slot: Slot): void {
    if (slot.segment.holdings.get(peer)?.advertised) {
      slot.lastFailure = "failed";
      noteTry(slot, peer, false);
      this.#dropFor(peer, noteBusyAnswer(peer, this.#nowMs));
      return;
    }
    slot.segment.holdings.set(peer, { state: "none", advertised: false });
    noteWrongGuess(peer);
    this.#onFruitlessGuess(peer);
    for (const other of slot.segment.slots) this.#place(other);
  }

  #onFruitlessGuess(peer: PeerState): void {
    if (noteFruitlessGuess(peer)) this.#placeAll();
  }

  #onLinkFailure(peer: PeerState, reason: LinkFailure, slot?: Slot): void {
    const { drop, tried } = noteLinkFailure(peer, reason, this.#limits);
    if (slot) {
      slot.lastFailure = reason === "timeout" ? "timeout" : "failed";
      if (tried !== "no") noteTry(slot, peer, tried === "last");
    }
    this.#dropFor(peer, drop);
  }

  /** `block`: the one whose bytes were false. */
  #dropFor(peer: PeerState, reason: DropReason | undefined, block?: WantedBlock): void {
    if (reason !== undefined) this.#drop(peer, reason, block);
  }

  #drop(peer: PeerState, reason: DropReason, block?: WantedBlock): void {
    if (!peer.alive) return;
    peer.alive = false;
    this.#effects.push({ kind: "drop", peer, reason, ...(block ? { block } : {}) });
    if (peer.source.kind === "hosted") this.#askAgain(peer);
    for (const ask of [...peer.asks]) {
      this.#endAsk(ask);
      if (ask.kind === "block") this.#toIdle(ask.slot);
    }
    this.#placeAll();
  }

  /** What was to come from a hosted cache may be held by another one, or by neighbours. */
  #askAgain(lost: PeerState): void {
    for (const segment of this.#segments.values()) {
      if (segment.discovery !== "done" || segment.askedAgain || !segment.holdings.has(lost)) continue;
      segment.askedAgain = true;
      segment.discovery = "none";
    }
  }

  /** False if it was over already: given up, or its peer dropped. */
  #endAsk(ask: Ask): boolean {
    if (ask.over) return false;
    ask.over = true;
    ask.peer.asks.delete(ask);
    if (ask.kind === "block") {
      const at = ask.slot.asks.indexOf(ask);
      ask.slot.asks.splice(at, 1);
    }
    return true;
  }

  #toIdle(slot: Slot): void {
    if (slot.state !== "asked" || slot.asks.length > 0) return;
    slot.state = "idle";
    this.#asks.noteIdle(slot);
    const sinceMs = this.#nowMs - (slot.firstAskedMs ?? this.#nowMs);
    if (sinceMs >= this.#limits.blockTimeoutMs) this.#giveUp(slot, "timeout");
    else this.#place(slot);
  }

  #placeAll(): void {
    for (let order = this.#slots.head; order < this.#slots.end; order++) {
      const slot = this.#slots.at(order);
      if (slot) this.#place(slot);
    }
  }

  /** Sees to it that an idle block has a peer who may give it, or else the finder, or else none. */
  #place(slot: Slot): void {
    if (slot.state !== "idle") return;
    const { segment } = slot;
    for (const peer of this.#peers.values()) {
      if (mayGive(peer, slot) !== "no") return;
    }
    if (segment.discovery === "done" || (segment.discovery === "none" && this.#finds.alone)) {
      this.#giveUp(slot, slot.lastFailure);
    } else if (segment.discovery === "none") {
      this.#finds.add(segment, slot.order < this.#slots.head + this.#limits.readAheadBlocks);
    }
  }

  #giveUp(slot: Slot, reason: MissingReason): void {
    const { blockIndex, segment } = slot;
    this.#close(slot, { kind: "missing", segment: segment.segment, blockIndex, reason });
    this.#givenUp.push({ segment: segment.segment, blockIndex });
  }

  #close(slot: Slot, piece: FetchedPiece): void {
    slot.state = "over";
    slot.piece = piece;
  }

  /**
   * Gives the peer as much to do as its window allows, once half of it is free: requests that leave
   * together cost one write, and answers come together too.
   */
  #fill(peer: PeerState): void {
    if (peer.asks.size > peer.window >> 1) return;
    while (peer.alive && peer.asks.size < peer.window && peer.restUntilMs <= this.#nowMs) {
      const ask = this.#asks.next(peer, this.#nowMs);
      if (!ask) return;
      peer.asks.add(ask);
      this.#effects.push({ kind: "ask", ask });
    }
  }

  #forget(segment: SegmentState): void {
    this.#segments.delete(segment.key);
    if (this.#lastSegment === segment) this.#lastSegment = undefined;
    this.#finds.remove(segment);
  }

  #find(): void {
    const nearOrder = this.#slots.head + this.#limits.readAheadBlocks;
    const batch = this.#finds.next(nearOrder, this.#segments.values());
    if (batch) this.#effects.push({ kind: "find", segments: batch.map(({ segment }) => segment) });
  }
}

function blockPiece(
  slot: Slot,
  peer: PeerState,
  bytes: Uint8Array,
  sealed: SealedBlock | undefined,
): FetchedPiece {
  const { blockIndex, segment } = slot;
  const block = { kind: "block", segment: segment.segment, blockIndex, bytes, from: peer.source } as const;
  return sealed ? { ...block, sealed } : block;
}
