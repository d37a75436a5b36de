/** Fetching many blocks from many peers: joins the fetch machine to links, clock, cipher and hash. */
import { blockLengthBytes, type HashEngine, type SealedBlock, verifyBlock } from "@branchcache/content-info";
import {
  BranchCacheError,
  type CancelTimer,
  type Clock,
  type HttpPort,
  type Observer,
  silentObserver,
  toHex,
} from "@branchcache/runtime";
import type { BlockCipher } from "../cipher.ts";
import { REQUEST_TIMEOUT_MS } from "../limits.ts";
import { getBlockList } from "../messages/get-block-list.ts";
import { encodeMessage } from "../messages/message.ts";
import { checkBlock, checkBlockList } from "./answers.ts";
import { BlockRequests } from "./block-requests.ts";
import {
  type BlockOutcome,
  type FetchEffect,
  type FetchInput,
  FetchMachine,
  type ListOutcome,
} from "./fetch-machine.ts";
import { FetchRecorder, type FetchReport } from "./fetch-report.ts";
import type { Ask, BlockAsk, ListAsk, PeerState } from "./fetch-state.ts";
import type { DropReason } from "./peer-conduct.ts";
import { type LinkResult, PeerLink } from "./peer-link.ts";
import type { FetchedBlock, FetchedPiece, PeerFinder, PeerSource, WantedBlock } from "./peers.ts";

export interface FetchBlocksOptions {
  readonly finder: PeerFinder;
  /** Known peers and hosted caches, asked before the finder. */
  readonly peers?: readonly PeerSource[];
  readonly http: HttpPort;
  readonly cipher: BlockCipher;
  readonly engine: HashEngine;
  readonly clock: Clock;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
  /** Called for a peer whose bytes failed their hash, once; it is not asked again in this download. */
  readonly onLiar?: (peer: PeerSource, block: WantedBlock) => void;
  /** Called once, when the download is over, whole or not. */
  readonly onReport?: (report: FetchReport) => void;
  /**
   * Called as soon as a block is verified, before its turn in the order of reading; `sealed`, as it was received,
   * is there if it is fit to be stored, and with `keepSealed: false` during the call alone. Must not throw.
   */
  readonly onBlock?: (block: FetchedBlock) => void;
  /** Called as soon as blocks are known to be missing, some of them before their turn. Must not throw. */
  readonly onMissing?: (blocks: readonly WantedBlock[]) => void;
  /** Give each block as it was received, too, if it is fit to be stored. Default true. */
  readonly keepSealed?: boolean;
  /**
   * The bytes of a block are looked at only until the next piece is asked for: spares the memory of those
   * that were read, and the time to collect it. Bytes that are kept longer become empty. Default false.
   */
  readonly releaseBytes?: boolean;
  /** Peers used at once. Default 16. */
  readonly maxPeers?: number;
  /** Requests under way at one peer. Default 8. */
  readonly window?: number;
  /** Blocks fetched before the reader has taken the first of them. Default 128. */
  readonly readAheadBlocks?: number;
  /**
   * Which block goes first of those within `readAheadBlocks`: the one that is read first (`reading`, the
   * default), or where nobody waits for it the one that fewest peers hold. Pieces come in order either way.
   */
  readonly order?: "reading" | "rarest";
  /** For each request. Default 2,000. [MS-PCCRR] 3.1.2 */
  readonly requestTimeoutMs?: number;
  /** Time-outs after which a peer is dropped. Default 3. */
  readonly maxTimeouts?: number;
  /** How long a block is asked for, here and there, before it is missing. Default 5,000. */
  readonly blockTimeoutMs?: number;
}

/** AES_128, which is only a preference. [MS-PCCRR] 2.2.3 */
const PREFERRED_CIPHER = 1;
/** Its `then` costs less than `queueMicrotask`, which keeps track of who asked. */
const SETTLED = Promise.resolve();
/** Wanted blocks are taken from their iterable in batches. */
const LEAST_WANTED = 64;

/**
 * Every wanted block in its order, verified, or word that it is missing. Starts with the first piece that
 * is asked for, reads ahead so far and no further, and stops everything when the reader leaves. Rejects
 * only with `signal.reason`, with what the finder or `wanted` threw, or with `BC_BLOCK_NOT_LISTED` for a
 * block whose hash its segment does not have.
 */
export async function* fetchBlocks(
  wanted: Iterable<WantedBlock>,
  options: FetchBlocksOptions,
): AsyncGenerator<FetchedPiece, void, undefined> {
  options.signal?.throwIfAborted();
  const session = new FetchSession(wanted[Symbol.iterator](), options);
  try {
    session.start();
    for (;;) {
      const piece = session.take();
      if (piece) {
        yield piece;
        session.release(piece);
      } else if (session.finished) return;
      else await session.changed();
    }
  } finally {
    session.close();
  }
}

/** The block's bytes may still be the connection's. */
interface ArrivedBlock {
  readonly ask: BlockAsk;
  readonly sealed: SealedBlock;
  readonly tookMs: number;
}

class FetchSession {
  readonly #options: FetchBlocksOptions;
  readonly #observer: Observer;
  readonly #wanted: Iterator<WantedBlock>;
  readonly #machine: FetchMachine;
  readonly #recorder: FetchRecorder | undefined;
  readonly #links = new Map<PeerState, PeerLink>();
  readonly #arrived: ArrivedBlock[] = [];
  readonly #requests = new BlockRequests(PREFERRED_CIPHER);
  readonly #closing = new AbortController();
  readonly #onAbort = (): void => this.#fail(this.#options.signal?.reason);
  #wakeReader: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #cancelTimer: CancelTimer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(wanted: Iterator<WantedBlock>, options: FetchBlocksOptions) {
    this.#wanted = wanted;
    this.#options = options;
    this.#observer = options.observer ?? silentObserver;
    if (options.onReport) this.#recorder = new FetchRecorder(options.clock.monotonicMs());
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
    this.#recorder?.given(piece, this.#options.clock.monotonicMs());
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
    if (this.#recorder) this.#options.onReport?.(this.#recorder.report(this.#options.clock.monotonicMs()));
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
    const about = ask.kind === "block" ? ask.slot.segment : ask.segment;
    this.#recorder?.asked(ask.peer.source, about.segment, this.#options.clock.monotonicMs());
    const observer = this.#observer;
    if (observer !== silentObserver) {
      observer.event("trace", "block.request_sent", {
        peer: ask.peer.source.id,
        segment: about.key,
        block: ask.kind === "block" ? ask.slot.blockIndex : undefined,
      });
    }
    if (ask.kind === "block") {
      const { blockIndex, segment } = ask.slot;
      const message = this.#requests.encode(segment.segment.id, blockIndex);
      link.request(message, (result) => this.#onBlock(ask, result));
    } else {
      const request = { segmentId: ask.segment.segment.id, ranges: [ask.range] };
      link.request(encodeMessage(getBlockList, PREFERRED_CIPHER, request), (result) =>
        this.#onList(ask, result),
      );
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
      void SETTLED.then(() => SETTLED.then(this.#openArrived));
    }
  }

  readonly #openArrived = (): void => {
    for (const { ask, sealed, tookMs } of this.#arrived.splice(0)) {
      this.#onOutcome(ask, this.#open(ask, sealed, tookMs));
    }
  };

  #onOutcome(ask: BlockAsk, outcome: BlockOutcome): void {
    this.#countRequest(ask.peer.source, outcome);
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
    this.#countRequest(ask.peer.source, outcome);
    this.#step({ kind: "listAnswered", ask, outcome });
  }

  /** Decrypts and verifies: nothing else of an answer gets any further. */
  #open({ peer, slot }: BlockAsk, sealed: SealedBlock, tookMs: number): BlockOutcome {
    if (!peer.alive) return { kind: "failed", reason: "lost" };
    if (slot.state === "over") {
      this.#observer.count("blocks_rejected_total", 1, { reason: "late" });
      return { kind: "late", tookMs };
    }
    const { segment } = slot.segment;
    const { cipher, engine, keepSealed = true, onBlock } = this.#options;
    const opened = cipher.open(sealed, segment.secret, blockLengthBytes(segment, slot.blockIndex));
    if (!opened) {
      this.#observer.count("blocks_rejected_total", 1, { reason: "decrypt" });
      return { kind: "nonsense" };
    }
    if (!verifyBlock(segment, slot.blockIndex, opened.plaintext, engine)) {
      this.#observer.count("blocks_rejected_total", 1, { reason: "hash" });
      return { kind: "lie" };
    }
    const bytes = opened.plaintext;
    if (onBlock) {
      const { blockIndex } = slot;
      const block = { kind: "block", segment, blockIndex, bytes, from: peer.source } as const;
      onBlock(opened.canonical ? { ...block, sealed } : block);
    }
    return { kind: "block", bytes, sealed: keepSealed && opened.canonical ? sealed : undefined, tookMs };
  }

  #countRequest(peer: PeerSource, outcome: BlockOutcome | ListOutcome): void {
    this.#recorder?.answered(peer, outcome);
    this.#observer.count("block_requests_total", 1, SENT_RESULTS[resultOf(outcome)]);
  }

  #drop(peer: PeerState, reason: DropReason, block: WantedBlock | undefined): void {
    this.#recorder?.dropped(peer.source, reason);
    this.#links.get(peer)?.close();
    this.#links.delete(peer);
    const { id: name } = peer.source;
    if (!block) {
      this.#observer.event("debug", "peer.request_failed", { peer: name, reason });
      return;
    }
    const { blockIndex, segment } = block;
    this.#observer.event("warn", "peer.quarantined", {
      peer: name,
      reason,
      segment: toHex(segment.id),
      block: blockIndex,
    });
    this.#options.onLiar?.(peer.source, block);
  }

  async #find(segments: readonly WantedBlock["segment"][]): Promise<void> {
    try {
      this.#recorder?.questioned(segments.length, this.#options.clock.monotonicMs());
      for await (const found of this.#options.finder.find(segments, this.#closing.signal)) {
        this.#recorder?.found(found);
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

type RequestResult = "ok" | "empty" | "timeout" | "bad_data" | "denied";

const SENT_RESULTS: Readonly<Record<RequestResult, Readonly<Record<string, string>>>> = {
  ok: { direction: "sent", result: "ok" },
  empty: { direction: "sent", result: "empty" },
  timeout: { direction: "sent", result: "timeout" },
  bad_data: { direction: "sent", result: "bad_data" },
  denied: { direction: "sent", result: "denied" },
};

function resultOf(outcome: BlockOutcome | ListOutcome): RequestResult {
  switch (outcome.kind) {
    case "block":
    case "list":
    case "late":
      return "ok";
    case "empty":
      return "empty";
    case "lie":
    case "nonsense":
      return "bad_data";
    case "failed":
      if (outcome.reason === "timeout") return "timeout";
      return outcome.reason === "malformed" || outcome.reason === "status" ? "bad_data" : "denied";
  }
}
