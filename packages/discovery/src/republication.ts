/** Whether a node keeps silent about a segment that enough others have. [MS-PCCRD] 3.2.2, note <8> */
import type { SegmentId } from "@branchcache/content-info";
import { type Random, randomFraction } from "@branchcache/runtime";
import { ExpiringMap } from "./expiring-map.ts";
import { PARTIAL_QUORUM_CHANCE, REPUBLISH_MEMORY_MS } from "./limits.ts";
import { segmentKey } from "./messages/match.ts";

/** What the node saw when it first looked for the segment itself. */
export interface Spread {
  /** Endpoints that answered. */
  readonly peers: number;
  /** Those of them that had all of it. */
  readonly complete: number;
}

export class Republication {
  readonly #quorum: number;
  readonly #random: Random;
  readonly #spreads = new ExpiringMap<Spread>(REPUBLISH_MEMORY_MS);
  /** The segments of one file are mostly spread alike, and are many. */
  #newest: Spread | undefined;

  /** `quorum` 0 switches silence off. */
  constructor(quorum: number, random: Random) {
    this.#quorum = quorum;
    this.#random = random;
  }

  /**
   * Only the first look counts until it is forgotten: if later ones did too, the very nodes that answer
   * would see each other and fall silent together.
   */
  remember(id: SegmentId, spread: Spread, nowMs: number): void {
    const key = segmentKey(id);
    if (this.#spreads.get(key, nowMs)) return;
    const { peers, complete } = spread;
    if (this.#newest?.peers !== peers || this.#newest.complete !== complete) this.#newest = spread;
    this.#spreads.set(key, this.#newest, nowMs);
  }

  mayAnswer(id: SegmentId, nowMs: number): boolean {
    if (this.#quorum <= 0 || this.#spreads.isEmpty) return true;
    const spread = this.#spreads.get(segmentKey(id), nowMs);
    if (!spread || spread.peers < this.#quorum) return true;
    return spread.complete < this.#quorum && randomFraction(this.#random) < PARTIAL_QUORUM_CHANCE;
  }
}
