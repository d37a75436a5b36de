/** Drives the fetch machine: joins it to links, clock, cipher and hash. Who is asked for what is the machine's to say. */
import type { SealedBlock, Segment } from "@branchcache/content-info";
import { BranchCacheError, type CancelTimer, enqueueMicrotask } from "@branchcache/runtime";
import { REQUEST_TIMEOUT_MS } from "../limits.ts";
import { checkBlock, checkBlockList } from "./check-answers.ts";
import { FetchMachine } from "./fetch-machine.ts";
import type { FetchBlocksOptions } from "./fetch-options.ts";
import type { Ask, BlockAsk, ListAsk, PeerState } from "./fetch-state.ts";
import type { BlockOutcome, FetchEffect, FetchInput, ListOutcome } from "./fetch-steps.ts";
import { FetchStory } from "./fetch-story.ts";
import { openBlock } from "./open-block.ts";
import type { DropReason } from "./peer-conduct.ts";
import { type LinkResult, PeerLink } from "./peer-link.ts";
import type { FetchedPiece, WantedBlock } from "./peers.ts";
import { BlockRequests, encodeBlockListRequest } from "./requests.ts";

/** Wanted blocks are taken from their iterable in batches. */
const LEAST_WANTED = 64;

/** The block's bytes may still be the connection's. */
interface ArrivedBlock {
  readonly ask: BlockAsk;
  readonly sealed: SealedBlock;
  readonly tookMs: number;
}

/** One download, from its first piece to its end. */
export class FetchSession {
  readonly #options: FetchBlocksOptions;
  readonly #wanted: Iterator<WantedBlock>;
  readonly #machine: FetchMachine;
  readonly #story: FetchStory;
  readonly #links = new Map<PeerState, PeerLink>();
  readonly #arrived: ArrivedBlock[] = [];
  readonly #requests = new BlockRequests();
  readonly #closing = new AbortController();
  readonly #onAbort = (): void => this.#fail(this.#options.signal?.reason);
  #wakeReader: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #cancelTimer: CancelTimer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(wanted: Iterator<WantedBlock>, options: FetchBlocksOptions) {
    this.#wanted = wanted;
    this.#options = options;
    this.#story = new FetchStory(options);
    this.#machine = new FetchMachine({
      maxPeers: options.maxPeers ?? 16,
      window: options.window ?? 8,
      readAheadBlocks: options.readAheadBlocks ?? 128,
      requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      maxTimeouts: options.maxTimeouts ?? 3,
      blockTimeoutMs: options.blockTimeoutMs ?? 5_000,
      order: options.order ?? "reading",
    });
  }

  get finished(): boolean {
    return this.#machine.finished;
  }

  start(): void {
    this.#options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    for (const peer of this.#options.peers ?? []) this.#step({ kind: "peer", peer });
    this.#step({ kind: "tick" });
  }

  take(): FetchedPiece | undefined {
    if (this.#failure) throw this.#failure.error;
    const piece = this.#machine.take();
    if (!piece) return undefined;
    this.#story.given(piece);
    this.#step({ kind: "tick" });
    return piece;
  }

  /** The reader is done with it. */
  release(piece: FetchedPiece): void {
    const { cipher, releaseBytes = false } = this.#options;
    if (releaseBytes && piece.kind === "block") cipher.release?.(piece.bytes);
  }

  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeReader = resolve;
    });
  }

  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#closing.abort();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    this.#wanted.return?.();
    this.#story.ended();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }

  #step(input: FetchInput): void {
    if (this.#closing.signal.aborted) return;
    const machine = this.#machine;
    const nowMs = this.#options.clock.monotonicMs();
    this.#run(machine.step(input, nowMs));
    while (machine.lookahead >= LEAST_WANTED)
      this.#run(machine.step(this.#moreWanted(machine.lookahead), nowMs));
    const givenUp = machine.takeGivenUp();
    if (givenUp.length > 0) this.#options.onMissing?.(givenUp);
    this.#setTimer(nowMs);
    if (input.kind !== "tick" || machine.finished) this.#wake();
  }

  #moreWanted(count: number): FetchInput {
    const blocks: WantedBlock[] = [];
    try {
      while (blocks.length < count) {
        const next = this.#wanted.next();
        if (next.done) return { kind: "wanted", blocks, last: true };
        requireHash(next.value);
        blocks.push(next.value);
      }
    } catch (error) {
      this.#fail(error);
      return { kind: "wanted", blocks, last: true };
    }
    return { kind: "wanted", blocks, last: false };
  }

  /** A timer that is early does no harm, so one that is set is only replaced by an earlier one. */
  #setTimer(nowMs: number): void {
    const atMs = this.#machine.wakeAtMs();
    if (atMs === undefined || atMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    // Whole milliseconds: a difference that rounding made of nothing would come back for ever.
    this.#cancelTimer = this.#options.clock.after(Math.ceil(atMs - nowMs), () => {
      this.#cancelTimer = undefined;
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#step({ kind: "tick" });
      this.#wake();
    });
  }

  #run(effects: readonly FetchEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "ask":
          this.#ask(effect.ask);
          break;
        case "find":
          void this.#find(effect.segments);
          break;
        case "drop":
          this.#drop(effect.peer, effect.reason, effect.block);
          break;
      }
    }
  }

  #ask(ask: Ask): void {
    const link = this.#linkTo(ask.peer);
    this.#story.asked(ask);
    if (ask.kind === "block") {
      const { blockIndex, segment } = ask.slot;
      const message = this.#requests.encode(segment.segment.id, blockIndex);
      link.request(message, (result) => this.#onBlock(ask, result));
    } else {
      const message = encodeBlockListRequest(ask.segment.segment.id, [ask.range]);
      link.request(message, (result) => this.#onList(ask, result));
    }
  }

  #linkTo(peer: PeerState): PeerLink {
    const known = this.#links.get(peer);
    if (known) return known;
    const { clock, http, keepSealed = true, requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    const link = new PeerLink({
      addresses: peer.source.addresses,
      http,
      clock,
      timeoutMs: requestTimeoutMs,
      keepBodies: keepSealed,
    });
    this.#links.set(peer, link);
    return link;
  }

  /**
   * Answers often come together. What they make room for is asked for at once, and only then, in the same
   * turn, while the answers' bytes are still there, are they decrypted and verified: the peer works meanwhile.
   */
  #onBlock(ask: BlockAsk, result: LinkResult): void {
    if (result.kind === "failed") {
      this.#onOutcome(ask, result);
      return;
    }
    const { blockIndex, segment } = ask.slot;
    const checked = checkBlock(result.response, segment.segment.id, blockIndex);
    if (checked.kind !== "block") {
      this.#onOutcome(ask, checked.kind === "empty" ? checked : { kind: "nonsense" });
      return;
    }
    this.#step({ kind: "arrived", ask });
    if (this.#arrived.push({ ask, sealed: checked.sealed, tookMs: result.tookMs }) === 1) {
      // Twice, so that it comes after the microtask that sends the requests.
      enqueueMicrotask(() => enqueueMicrotask(this.#openArrived));
    }
  }

  readonly #openArrived = (): void => {
    for (const { ask, sealed, tookMs } of this.#arrived.splice(0)) {
      this.#onOutcome(ask, this.#open(ask, sealed, tookMs));
    }
  };

  #onOutcome(ask: BlockAsk, outcome: BlockOutcome): void {
    this.#story.answered(ask.peer.source, outcome);
    this.#step({ kind: "blockAnswered", ask, outcome });
  }

  #onList(ask: ListAsk, result: LinkResult): void {
    let outcome: ListOutcome;
    if (result.kind === "failed") outcome = result;
    else {
      const checked = checkBlockList(result.response, ask.segment.segment.id, [ask.range]);
      if (checked.kind === "mismatch") outcome = { kind: "nonsense" };
      else outcome = { kind: "list", ranges: checked.ranges, tookMs: result.tookMs };
    }
    this.#story.answered(ask.peer.source, outcome);
    this.#step({ kind: "listAnswered", ask, outcome });
  }

  #open({ peer, slot }: BlockAsk, sealed: SealedBlock, tookMs: number): BlockOutcome {
    if (!peer.alive) return { kind: "failed", reason: "lost" };
    if (slot.state === "over") {
      this.#story.rejected("late");
      return { kind: "late", tookMs };
    }
    const { blockIndex } = slot;
    const { segment } = slot.segment;
    const { cipher, engine, keepSealed = true, onBlock } = this.#options;
    const opened = openBlock(sealed, segment, blockIndex, cipher, engine);
    if (opened.kind !== "block") {
      this.#story.rejected(opened.kind === "lie" ? "hash" : "decrypt");
      return opened;
    }
    const { bytes, canonical } = opened;
    if (onBlock) {
      const block = { kind: "block", segment, blockIndex, bytes, from: peer.source } as const;
      onBlock(canonical ? { ...block, sealed } : block);
    }
    return { kind: "block", bytes, sealed: keepSealed && canonical ? sealed : undefined, tookMs };
  }

  /** `block`: the one whose bytes were false, which is for `onLiar` to hear. */
  #drop(peer: PeerState, reason: DropReason, block: WantedBlock | undefined): void {
    this.#links.get(peer)?.close();
    this.#links.delete(peer);
    this.#story.dropped(peer, reason, block);
    if (block) this.#options.onLiar?.(peer.source, block);
  }

  async #find(segments: readonly Segment[]): Promise<void> {
    try {
      this.#story.questioned(segments);
      for await (const found of this.#options.finder.find(segments, this.#closing.signal)) {
        this.#story.found(found);
        this.#step({ kind: "found", found });
      }
      this.#step({ kind: "findEnded" });
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#fail(error);
    }
  }
}

/** Without its hash nobody could give the block, and everybody would be taken for a liar. */
function requireHash({ blockIndex, segment }: WantedBlock): void {
  if (segment.blockHashes[blockIndex - segment.firstBlockIndex] !== undefined) return;
  throw new BranchCacheError("BC_BLOCK_NOT_LISTED", `no hash is known of block ${blockIndex} of a segment`);
}
