/**
 * Who is asked for which block, and when: a machine without clock, sockets or crypto.
 * Rules: [MS-PCCRR] 3.1.4, and the segment retrieval session of [MS-CCRSO] 6.4 and 6.5.
 */
import type { SealedBlock, Segment } from "@branchcache/content-info";
import type { IndexRange } from "../messages/ranges.ts";
import {
  type Ask,
  type BlockAsk,
  type Holding,
  type ListAsk,
  mayGive,
  newPeer,
  newSegment,
  noteTry,
  type PeerState,
  type SegmentState,
  type Slot,
  segmentKey,
} from "./fetch-state.ts";
import { FindPlanner } from "./find-planner.ts";
import {
  type ConductLimits,
  type DropReason,
  noteBusyAnswer,
  noteFailure,
  noteGoodAnswer,
  noteLinkFailure,
  noteWrongGuess,
} from "./peer-conduct.ts";
import type { LinkFailure } from "./peer-link.ts";
import type { FetchedPiece, FoundPeer, MissingReason, PeerSource, WantedBlock } from "./peers.ts";
import { SlotQueue } from "./slot-queue.ts";

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

/**
 * Blocks known ahead of the reader: enough to fetch from, and more at the start, for a question about a sample
 * of all of them, and when discovery wants big questions.
 */
const LOOKAHEAD_BLOCKS = 512;
const FIRST_LOOKAHEAD_BLOCKS = 8_192;
const MAX_LOOKAHEAD_BLOCKS = 4_096;
/** Guesses one after another that went wrong, after which a peer is only asked for what it says to have. */
const MAX_FRUITLESS_GUESSES = 16;
/** A block is asked for elsewhere too when it takes this many times longer than blocks did so far. */
const SLOW_FACTOR = 4;
const LEAST_SLOW_MS = 250;
/** False blocks one after another from a hosted cache, which does not know that they are. */
const MAX_HOSTED_LIES = 8;
/** Only blocks so close to the reader are worth asking for twice. */
const RESCUE_BLOCKS = 8;

const NO_BLOCKS: readonly WantedBlock[] = [];

export class FetchMachine {
  readonly #limits: FetchLimits;
  readonly #peers = new Map<string, PeerState>();
  readonly #segments = new Map<string, SegmentState>();
  readonly #bySegment = new Map<Segment, SegmentState>();
  readonly #slots = new SlotQueue();
  #ended = false;
  /** No slot before this is idle. */
  #idleFrom = 0;
  #lastSegment: SegmentState | undefined;
  readonly #planner = new FindPlanner();
  #usualMs = 0;
  #effects: FetchEffect[] = [];
  #givenUp: WantedBlock[] = [];
  #nowMs = 0;

  constructor(limits: FetchLimits) {
    this.#limits = limits;
  }

  /** How many more wanted blocks it would like to know now. */
  get lookahead(): number {
    if (this.#ended) return 0;
    if (this.#slots.end === 0) return FIRST_LOOKAHEAD_BLOCKS;
    const limit = this.#planner.fruitless ? MAX_LOOKAHEAD_BLOCKS : LOOKAHEAD_BLOCKS;
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
    if (entering) this.#planner.approach(entering.segment);
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
    let atMs: number | undefined;
    const consider = (ms: number): void => {
      if (ms > this.#nowMs && (atMs === undefined || ms < atMs)) atMs = ms;
    };
    let alive = 0;
    for (const peer of this.#peers.values()) {
      if (!peer.alive) continue;
      alive++;
      consider(peer.restUntilMs);
    }
    if (alive < 2) return atMs;
    for (
      let order = this.#slots.head;
      order < Math.min(this.#slots.head + RESCUE_BLOCKS, this.#slots.end);
      order++
    ) {
      const ask = this.#slots.at(order)?.asks[0];
      if (ask) consider(ask.askedMs + this.#slowMs());
    }
    return atMs;
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
    const peer = newPeer(source, true, this.#limits.window);
    this.#peers.set(source.id, peer);
    return peer;
  }

  #addWanted(blocks: readonly WantedBlock[], last: boolean): void {
    this.#ended ||= last;
    for (const { segment, blockIndex } of blocks) {
      const state = this.#segmentOf(segment);
      const slot: Slot = {
        segment: state,
        blockIndex,
        order: this.#slots.end,
        state: "idle",
        asks: [],
        tries: undefined,
        firstAskedMs: undefined,
        lastFailure: "no-peer",
        piece: undefined,
      };
      this.#slots.push(slot);
      state.slots.add(slot);
      this.#lastSegment = state;
      this.#place(slot);
    }
  }

  #segmentOf(segment: Segment): SegmentState {
    const same = this.#bySegment.get(segment);
    if (same) return same;
    const key = segmentKey(segment);
    const state = this.#segments.get(key) ?? newSegment(segment, key);
    this.#segments.set(key, state);
    this.#bySegment.set(segment, state);
    return state;
  }

  #onFound({ peer: source, segments }: FoundPeer): void {
    const peer = this.#addPeer(source);
    if (!peer) return;
    for (const { complete, id } of segments) {
      const state = this.#segments.get(segmentKey({ id } as Segment));
      if (!state) continue;
      this.#planner.noteAnswer();
      peer.hopeful = true;
      peer.fruitlessGuesses = 0;
      const known = state.holdings.get(peer)?.state;
      if (known === undefined || known === "none") {
        state.holdings.set(peer, { state: complete ? "all" : "some", advertised: true });
      }
    }
    // What it was not asked about it may hold as well, which is cheaper to try than to ask the branch.
    this.#planner.clear();
    this.#placeAll();
  }

  #onFindEnded(): void {
    for (const segment of this.#planner.end()) {
      for (const slot of segment.slots) this.#place(slot);
      if (segment.slots.size === 0) this.#forget(segment);
    }
    if (!this.#planner.alone) return;
    this.#planner.clear();
    this.#placeAll();
  }

  #onBlock(ask: BlockAsk, outcome: BlockOutcome): void {
    if (!this.#endAsk(ask)) return;
    const { peer, slot } = ask;
    switch (outcome.kind) {
      case "block":
        this.#onGoodAnswer(peer, outcome.tookMs);
        peer.served = true;
        peer.lies = 0;
        this.#planner.noteServed();
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
        this.#onLie(peer, slot);
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
    this.#usualMs = this.#usualMs === 0 ? tookMs : (7 * this.#usualMs + tookMs) / 8;
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
    if (++peer.fruitlessGuesses < MAX_FRUITLESS_GUESSES || peer.source.kind === "hosted") return;
    peer.hopeful = false;
    this.#placeAll();
  }

  /**
   * A hosted cache gives on what it cannot read, so that one false block says little about it: that one comes
   * from elsewhere, and is offered again.
   */
  #onLie(peer: PeerState, slot: Slot): void {
    if (peer.source.kind === "hosted" && ++peer.lies < MAX_HOSTED_LIES) return;
    this.#drop(peer, "lie", { segment: slot.segment.segment, blockIndex: slot.blockIndex });
  }

  #onLinkFailure(peer: PeerState, reason: LinkFailure, slot?: Slot): void {
    const { drop, tried } = noteLinkFailure(peer, reason, this.#limits);
    if (slot) {
      slot.lastFailure = reason === "timeout" ? "timeout" : "failed";
      if (tried !== "no") noteTry(slot, peer, tried === "last");
    }
    this.#dropFor(peer, drop);
  }

  #dropFor(peer: PeerState, reason: DropReason | undefined): void {
    if (reason !== undefined) this.#drop(peer, reason);
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
    this.#idleFrom = Math.min(this.#idleFrom, slot.order);
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
      if (mayGive(peer, slot, this.#allWantedKnown(segment)) !== "no") return;
    }
    if (segment.discovery === "done" || (segment.discovery === "none" && this.#planner.alone)) {
      this.#giveUp(slot, slot.lastFailure);
    } else if (segment.discovery === "none") {
      this.#planner.add(segment, slot.order < this.#slots.head + this.#limits.readAheadBlocks);
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

  #allWantedKnown(segment: SegmentState): boolean {
    return this.#ended || segment !== this.#lastSegment;
  }

  #slowMs(): number {
    return Math.max(LEAST_SLOW_MS, SLOW_FACTOR * this.#usualMs);
  }

  /**
   * Gives the peer as much to do as its window allows, once half of it is free: requests that leave
   * together cost one write, and answers come together too.
   */
  #fill(peer: PeerState): void {
    if (peer.asks.size > peer.window >> 1) return;
    while (peer.alive && peer.asks.size < peer.window && peer.restUntilMs <= this.#nowMs) {
      const ask = this.#rescue(peer) ?? this.#pick(peer);
      if (!ask) return;
      peer.asks.add(ask);
      this.#effects.push({ kind: "ask", ask });
    }
  }

  /** A block that the reader will need soon and another peer is slow to give. */
  #rescue(peer: PeerState): BlockAsk | undefined {
    if (this.#peers.size < 2) return undefined;
    const end = Math.min(this.#slots.head + RESCUE_BLOCKS, this.#slots.end);
    for (let order = this.#slots.head; order < end; order++) {
      const slot = this.#slots.at(order);
      const [first, second] = slot?.asks ?? [];
      if (!slot || !first || second || slot.state !== "asked" || first.peer === peer) continue;
      if (this.#nowMs - first.askedMs < this.#slowMs()) continue;
      if (mayGive(peer, slot, this.#allWantedKnown(slot.segment)) === "yes") return this.#ask(peer, slot);
    }
    return undefined;
  }

  /** The earliest idle block that the peer may give, or the rarest; or the list to find out. */
  #pick(peer: PeerState): Ask | undefined {
    const end = Math.min(this.#slots.head + this.#limits.readAheadBlocks, this.#slots.end);
    this.#idleFrom = Math.max(this.#idleFrom, this.#slots.head);
    let rarest: Slot | undefined;
    let rarestHolders = Number.POSITIVE_INFINITY;
    let skipped = false;
    for (let order = this.#idleFrom; order < end; order++) {
      const slot = this.#slots.at(order);
      if (slot?.state !== "idle") {
        if (!skipped) this.#idleFrom = order + 1;
        continue;
      }
      skipped = true;
      const answer = mayGive(peer, slot, this.#allWantedKnown(slot.segment));
      if (answer === "list") return this.#askList(peer, slot.segment);
      if (answer !== "yes") continue;
      if (this.#limits.order === "reading") return this.#ask(peer, slot);
      const holders = this.#holders(slot);
      if (holders >= rarestHolders) continue;
      rarest = slot;
      rarestHolders = holders;
    }
    return rarest && this.#ask(peer, rarest);
  }

  #holders(slot: Slot): number {
    let holders = 0;
    for (const peer of this.#peers.values()) {
      if (mayGive(peer, slot, this.#allWantedKnown(slot.segment)) === "yes") holders++;
    }
    return holders;
  }

  #ask(peer: PeerState, slot: Slot): BlockAsk {
    const ask: BlockAsk = { kind: "block", peer, slot, askedMs: this.#nowMs, over: false };
    slot.state = "asked";
    slot.firstAskedMs ??= this.#nowMs;
    slot.asks.push(ask);
    return ask;
  }

  #askList(peer: PeerState, segment: SegmentState): ListAsk {
    const advertised = segment.holdings.get(peer)?.advertised ?? false;
    segment.holdings.set(peer, { state: "listing", advertised });
    const { blockHashes, firstBlockIndex } = segment.segment;
    const range = { index: firstBlockIndex, count: blockHashes.length };
    return { kind: "list", peer, segment, range, over: false };
  }

  #forget(segment: SegmentState): void {
    this.#segments.delete(segment.key);
    this.#bySegment.delete(segment.segment);
    this.#planner.remove(segment);
  }

  #find(): void {
    const nearOrder = this.#slots.head + this.#limits.readAheadBlocks;
    const batch = this.#planner.next(nearOrder, this.#segments.values());
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
