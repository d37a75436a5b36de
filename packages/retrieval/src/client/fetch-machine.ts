/**
 * Who is asked for which block, and when: a machine without clock, sockets or crypto.
 * Rules: [MS-PCCRR] 3.1.4, and the segment retrieval session of [MS-CCRSO] 6.4 and 6.5.
 */
import type { SealedBlock } from "@branchcache/content-info";
import { AskPlanner } from "./ask-planner.ts";
import {
  type Ask,
  type BlockAsk,
  type Holding,
  type ListAsk,
  newPeer,
  noteTry,
  type PeerState,
  type Slot,
} from "./fetch-state.ts";
import type { BlockOutcome, FetchEffect, FetchInput, FetchLimits, ListOutcome } from "./fetch-steps.ts";
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
import type { FetchedPiece, FoundPeer, PeerSource, WantedBlock } from "./peers.ts";
import { WantedBlocks } from "./wanted-blocks.ts";

export class FetchMachine {
  readonly #limits: FetchLimits;
  readonly #peers = new Map<string, PeerState>();
  readonly #wanted: WantedBlocks;
  readonly #asks: AskPlanner;
  #effects: FetchEffect[] = [];
  #nowMs = 0;

  constructor(limits: FetchLimits) {
    this.#limits = limits;
    this.#wanted = new WantedBlocks(limits.readAheadBlocks, this.#peers);
    this.#asks = new AskPlanner(limits, this.#wanted.slots, this.#peers);
  }

  /** How many more wanted blocks it would like to know now. */
  get lookahead(): number {
    return this.#wanted.lookahead;
  }

  get finished(): boolean {
    return this.#wanted.finished;
  }

  /** The next piece in order, if it is there. A `tick` must follow. */
  take(): FetchedPiece | undefined {
    return this.#wanted.take();
  }

  /** Blocks found missing since this was last asked, those whose turn is still to come among them. */
  takeGivenUp(): readonly WantedBlock[] {
    return this.#wanted.takeGivenUp();
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
        this.#wanted.add(input.blocks, input.last);
        break;
      case "found":
        this.#onFound(input.found);
        break;
      case "findEnded":
        this.#wanted.onFindEnded();
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
    const segments = this.#wanted.nextFind();
    if (segments) this.#effects.push({ kind: "find", segments });
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

  #onFound({ peer: source, segments }: FoundPeer): void {
    const peer = this.#addPeer(source);
    if (peer) this.#wanted.onFound(peer, segments);
  }

  #onBlock(ask: BlockAsk, outcome: BlockOutcome): void {
    if (!this.#endAsk(ask)) return;
    const { peer, slot } = ask;
    switch (outcome.kind) {
      case "block":
        this.#onGoodAnswer(peer, outcome.tookMs);
        noteGoodBlock(peer);
        this.#wanted.fill(slot, blockPiece(slot, peer, outcome.bytes, outcome.sealed));
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
    for (const slot of segment.slots) this.#wanted.place(slot);
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
    for (const other of slot.segment.slots) this.#wanted.place(other);
  }

  #onFruitlessGuess(peer: PeerState): void {
    if (noteFruitlessGuess(peer)) this.#wanted.placeAll();
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
    if (peer.source.kind === "hosted") this.#wanted.findAgain(peer);
    for (const ask of [...peer.asks]) {
      this.#endAsk(ask);
      if (ask.kind === "block") this.#toIdle(ask.slot);
    }
    this.#wanted.placeAll();
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
    if (sinceMs >= this.#limits.blockTimeoutMs) this.#wanted.giveUp(slot, "timeout");
    else this.#wanted.place(slot);
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
