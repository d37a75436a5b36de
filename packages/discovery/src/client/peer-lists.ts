/** Remembers who had a segment, so that it need not be asked for again for a while. [MS-CCROD] 2.8.2.3.2 */

import { ExpiringMap } from "../expiring-map.ts";
import { MAX_PEERS_IN_LIST, MAX_SERVER_LISTS } from "../limits.ts";
import type { DiscoveredPeer, FoundSegment } from "../types.ts";

/** One peer's holding of one segment. */
export interface ListedPeer {
  readonly peer: DiscoveredPeer;
  readonly segment: FoundSegment;
}

export class PeerLists {
  readonly #lists: ExpiringMap<readonly ListedPeer[]>;
  /** Peers to leave out when a list is read, instead of a search through all lists. */
  readonly #forgotten: ExpiringMap<true>;

  /** `ttlMs` 0: nothing is remembered. */
  constructor(ttlMs: number) {
    this.#lists = new ExpiringMap(ttlMs, MAX_SERVER_LISTS);
    this.#forgotten = new ExpiringMap(ttlMs, MAX_SERVER_LISTS);
  }

  remember(key: string, peers: readonly ListedPeer[], nowMs: number): void {
    this.#lists.set(key, peers.slice(0, MAX_PEERS_IN_LIST), nowMs);
    for (const { peer } of peers) this.#forgotten.delete(peer.id);
  }

  /** Empty if the segment has to be asked for. */
  recall(key: string, nowMs: number): readonly ListedPeer[] {
    const list = this.#lists.get(key, nowMs) ?? [];
    return list.filter(({ peer }) => !this.#forgotten.get(peer.id, nowMs));
  }

  forget(peerId: string, nowMs: number): void {
    this.#forgotten.set(peerId, true, nowMs);
  }
}
