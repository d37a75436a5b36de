/**
 * How a peer's answers change what is asked of it next, and when it is dropped from the download: for lies, time-outs,
 * failures. [MS-PCCRR] 3.1.4, [MS-CCROD] 2.8.2.5
 */
import type { PeerState } from "./fetch-state.ts";
import type { LinkFailure } from "./peer-link.ts";

/** `empty`: it never gave a block, and has none of those that it advertised. */
export type DropReason = "lie" | "timeouts" | "slow" | "failures" | "unreachable" | "version" | "empty";

export interface ConductLimits {
  readonly requestTimeoutMs: number;
  /** Time-outs after which a peer is dropped. */
  readonly maxTimeouts: number;
}

/** Failures one after another, and slow answers one after another. */
const MAX_FAILURES = 3;
const MAX_SLOW_ANSWERS = 3;
/** How long a busy peer is left alone, doubled each time; the last one in a row counts as a failure. */
const BUSY_REST_MS = 50;
const MAX_BUSY_ANSWERS = 5;
/** So many running from a peer that never gave a block are the end: 0.7 s of waiting in all. */
const MAX_FIRST_BUSY_ANSWERS = 4;
/** Guesses one after another that went wrong, after which a peer is only asked for what it says to have. */
const MAX_FRUITLESS_GUESSES = 16;
/** False blocks one after another from a hosted cache, which does not know that they are. */
const MAX_HOSTED_LIES = 8;

/** What a failure means for the block that was asked for. */
export interface LinkVerdict {
  readonly drop?: DropReason;
  /** Whether the try counts, and if so whether it was the last. */
  readonly tried: "no" | "once" | "last";
}

/** The window grows by quick answers and shrinks by slow ones; alone and slow three times running is too slow. */
export function noteGoodAnswer(
  peer: PeerState,
  tookMs: number,
  { requestTimeoutMs }: ConductLimits,
): DropReason | undefined {
  peer.failures = 0;
  peer.busyAnswers = 0;
  if (tookMs <= requestTimeoutMs / 2) {
    peer.slowAnswers = 0;
    if (tookMs <= requestTimeoutMs / 4) widen(peer);
    return undefined;
  }
  const alone = peer.window === 1;
  peer.window = Math.max(1, peer.window >> 1);
  return alone && ++peer.slowAnswers >= MAX_SLOW_ANSWERS ? "slow" : undefined;
}

/** A block came that fits its hash. */
export function noteGoodBlock(peer: PeerState): void {
  peer.served = true;
  peer.lies = 0;
}

/**
 * A block came that does not fit its hash: the peer is dropped, and quarantined by those who hear of it. A hosted cache
 * gives on what it cannot read, so that one false block says little about it; that one comes from elsewhere, and is
 * offered to it again.
 */
export function noteLie(peer: PeerState): DropReason | undefined {
  if (peer.source.kind === "hosted" && ++peer.lies < MAX_HOSTED_LIES) return undefined;
  return "lie";
}

/** It does not have what it never said it had: a good answer as far as its speed goes. */
export function noteWrongGuess(peer: PeerState): void {
  peer.failures = 0;
  widen(peer);
}

/** It has nothing of a segment: true if from now on it is only asked for what it says to have. */
export function noteFruitlessGuess(peer: PeerState): boolean {
  if (++peer.fruitlessGuesses < MAX_FRUITLESS_GUESSES || peer.source.kind === "hosted") return false;
  peer.hopeful = false;
  return true;
}

/** An empty block for what it advertised. */
export function noteBusyAnswer(peer: PeerState, nowMs: number): DropReason | undefined {
  peer.window = Math.max(1, peer.window >> 1);
  peer.busyAnswers++;
  if (!peer.served && peer.busyAnswers >= MAX_FIRST_BUSY_ANSWERS) return "empty";
  const drop = peer.busyAnswers < MAX_BUSY_ANSWERS ? undefined : noteFailure(peer);
  if (peer.busyAnswers >= MAX_BUSY_ANSWERS) peer.busyAnswers = 0;
  peer.restUntilMs = nowMs + BUSY_REST_MS * 2 ** peer.busyAnswers;
  return drop;
}

export function noteFailure(peer: PeerState): DropReason | undefined {
  return ++peer.failures >= MAX_FAILURES ? "failures" : undefined;
}

export function noteLinkFailure(
  peer: PeerState,
  reason: LinkFailure,
  { maxTimeouts }: ConductLimits,
): LinkVerdict {
  switch (reason) {
    case "lost":
      return { tried: "no" };
    case "timeout":
      peer.window = 1;
      return verdict("once", ++peer.timeouts >= maxTimeouts ? "timeouts" : undefined);
    case "connect":
      return verdict("last", "unreachable");
    case "version":
      return verdict("last", "version");
    case "closed":
      // Some servers close after each answer, whatever was sent behind it.
      if (peer.asks.size > 0) peer.maxWindow = 1;
      peer.window = 1;
      return verdict("once", noteFailure(peer));
    case "status":
    case "malformed":
      return verdict("last", noteFailure(peer));
  }
}

function widen(peer: PeerState): void {
  peer.window = Math.min(peer.window + 1, peer.maxWindow);
}

function verdict(tried: LinkVerdict["tried"], drop: DropReason | undefined): LinkVerdict {
  return drop === undefined ? { tried } : { tried, drop };
}
