/** Whether a node keeps silent about a segment that enough others have. [MS-PCCRD] 3.2.2, note <8> */
import type { SegmentId } from "@branchcache/content-info";
import { type Random, randomFraction } from "@branchcache/runtime";
import { ExpiringMap } from "./expiring-map.ts";
import { PARTIAL_QUORUM_CHANCE, REPUBLISH_MEMORY_MS } from "./limits.ts";
import { segmentKey } from "./messages/match.ts";

/** How many peers had a segment when this node first looked for it. */
export interface Spread {
  /** Peers that answered for it. */
  readonly peers: number;
  /** Those of them that had all its blocks. */
  readonly complete: number;
}

export class Republication {
  readonly #quorum: number;
  readonly #random: Random;
  readonly #spreads = new ExpiringMap<Spread>(REPUBLISH_MEMORY_MS);
  /** Segments of one file mostly have the same numbers: they share this object, to save memory. */
  #newest: Spread | undefined;

  /** `quorum`: so many peers are enough for this node to keep silent; 0 means that it never does. */
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

  /** Whether the node may answer for the segment; decided by chance where enough peers have it, but not all of it. */
  mayAnswer(id: SegmentId, nowMs: number): boolean {
    if (this.#quorum <= 0 || this.#spreads.isEmpty) return true;
    const spread = this.#spreads.get(segmentKey(id), nowMs);
    if (!spread || spread.peers < this.#quorum) return true;
    return spread.complete < this.#quorum && randomFraction(this.#random) < PARTIAL_QUORUM_CHANCE;
  }
}
