/** Which block, or block list, a peer is asked for next. [MS-PCCRR] 3.1.4, [MS-CCROD] 2.8.2.5.3 */
import {
  type Ask,
  type BlockAsk,
  type ListAsk,
  mayGive,
  type PeerState,
  type SegmentState,
  type Slot,
} from "./fetch-state.ts";
import type { FetchLimits } from "./fetch-steps.ts";
import type { SlotQueue } from "./slot-queue.ts";

/** A block is asked for elsewhere too when it takes this many times longer than blocks did so far. */
const SLOW_FACTOR = 4;
const LEAST_SLOW_MS = 250;
/** Only blocks so close to the reader are worth asking for twice. */
const RESCUE_BLOCKS = 8;

export class AskPlanner {
  readonly #limits: Pick<FetchLimits, "order" | "readAheadBlocks">;
  readonly #slots: SlotQueue;
  readonly #peers: ReadonlyMap<string, PeerState>;
  /** No slot before this is idle. */
  #idleFrom = 0;
  /** How long answers take: a moving average. */
  #usualMs = 0;

  constructor(
    limits: Pick<FetchLimits, "order" | "readAheadBlocks">,
    slots: SlotQueue,
    peers: ReadonlyMap<string, PeerState>,
  ) {
    this.#limits = limits;
    this.#slots = slots;
    this.#peers = peers;
  }

  /** A good answer took so long. */
  noteAnswer(tookMs: number): void {
    this.#usualMs = this.#usualMs === 0 ? tookMs : (7 * this.#usualMs + tookMs) / 8;
  }

  /** A slot that was asked for is idle again. */
  noteIdle(slot: Slot): void {
    this.#idleFrom = Math.min(this.#idleFrom, slot.order);
  }

  /** What to ask this peer for now, noted as asked; undefined if it can give nothing that is wanted soon. */
  next(peer: PeerState, nowMs: number): Ask | undefined {
    return this.#rescue(peer, nowMs) ?? this.#pick(peer, nowMs);
  }

  /** When the next block near the reader becomes slow, after which another peer is asked for it too. */
  nextSlowAtMs(nowMs: number): number | undefined {
    const slowMs = this.#slowMs();
    const end = Math.min(this.#slots.head + RESCUE_BLOCKS, this.#slots.end);
    let earliestMs: number | undefined;
    for (let order = this.#slots.head; order < end; order++) {
      const ask = this.#slots.at(order)?.asks[0];
      if (!ask) continue;
      const atMs = ask.askedMs + slowMs;
      if (atMs > nowMs && (earliestMs === undefined || atMs < earliestMs)) earliestMs = atMs;
    }
    return earliestMs;
  }

  /** A block that the reader will need soon and another peer is slow to give. */
  #rescue(peer: PeerState, nowMs: number): BlockAsk | undefined {
    if (this.#peers.size < 2) return undefined;
    const end = Math.min(this.#slots.head + RESCUE_BLOCKS, this.#slots.end);
    for (let order = this.#slots.head; order < end; order++) {
      const slot = this.#slots.at(order);
      const [first, second] = slot?.asks ?? [];
      if (!slot || !first || second || slot.state !== "asked" || first.peer === peer) continue;
      if (nowMs - first.askedMs < this.#slowMs()) continue;
      if (mayGive(peer, slot) === "yes") return askBlock(peer, slot, nowMs);
    }
    return undefined;
  }

  /** The earliest idle block that the peer may give, or the rarest; or the list to find out. */
  #pick(peer: PeerState, nowMs: number): Ask | undefined {
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
      const answer = mayGive(peer, slot);
      if (answer === "list") return askList(peer, slot.segment);
      if (answer !== "yes") continue;
      if (this.#limits.order === "reading") return askBlock(peer, slot, nowMs);
      const holders = this.#holders(slot);
      if (holders >= rarestHolders) continue;
      rarest = slot;
      rarestHolders = holders;
    }
    return rarest && askBlock(peer, rarest, nowMs);
  }

  #holders(slot: Slot): number {
    let holders = 0;
    for (const peer of this.#peers.values()) if (mayGive(peer, slot) === "yes") holders++;
    return holders;
  }

  #slowMs(): number {
    return Math.max(LEAST_SLOW_MS, SLOW_FACTOR * this.#usualMs);
  }
}

function askBlock(peer: PeerState, slot: Slot, nowMs: number): BlockAsk {
  const ask: BlockAsk = { kind: "block", peer, slot, askedMs: nowMs, over: false };
  slot.state = "asked";
  slot.firstAskedMs ??= nowMs;
  slot.asks.push(ask);
  return ask;
}

function askList(peer: PeerState, segment: SegmentState): ListAsk {
  const advertised = segment.holdings.get(peer)?.advertised ?? false;
  segment.holdings.set(peer, { state: "listing", advertised });
  const { blockHashes, firstBlockIndex } = segment.segment;
  const range = { index: firstBlockIndex, count: blockHashes.length };
  return { kind: "list", peer, segment, range, over: false };
}
