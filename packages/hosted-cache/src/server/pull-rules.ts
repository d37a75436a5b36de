/** What the books of a hosted cache agree on: their bounds, and how a pull can end. */

/**
 * Bounds of the offers that wait and of the pulls under way, so that no client can take all of either. Times are
 * in milliseconds.
 */
export interface BookLimits {
  /** Segments waiting or being pulled. */
  readonly maxSegments: number;
  /** The same of one client. */
  readonly maxSegmentsPerClient: number;
  /** Pulls under way. */
  readonly maxPulls: number;
  /** The same from one client. */
  readonly maxPullsPerClient: number;
  /** Clients remembered for one segment. */
  readonly maxOfferers: number;
  /** Pulls from one client that failed, one after another, after which it is left alone for a while. */
  readonly maxFailures: number;
  /** How long it is left alone then. */
  readonly restMs: number;
  /** How long a client that sent false bytes is left alone. */
  readonly quarantineMs: number;
  /** Other clients that offer a held blind segment again, after which it is pulled anew from one of them. */
  readonly doubtAfter: number;
  /** Offers so soon after a copy came are taken for those of clients that fetched it at the same time. */
  readonly settleMs: number;
  /** Blind copies whose origin is remembered. */
  readonly maxCopies: number;
}

/** How a pull ended; decides whether the client is asked again. */
export type PullOutcome =
  /** All blocks are held now. */
  | "complete"
  /** Some blocks came, and it has no more. */
  | "partial"
  /** It holds nothing of it. */
  | "nothing"
  /** It cannot be reached, or does not answer. */
  | "failed"
  /** What it sent is not what it should be. */
  | "lied"
  /** There is no room, or it contradicts what is held. */
  | "refused";
