/** One probe under way: what it asks for, and who has answered what. [MS-PCCRD] 3.1.1 */
import type { SegmentId } from "@branchcache/content-info";
import type { Endpoint } from "@branchcache/runtime";
import { BLOCKS_OF_FULL_SEGMENT, MAX_ADDRESSES, MAX_PEERS_IN_PROBE } from "../limits.ts";
import { type MatchedSegment, segmentKey } from "../messages/match.ts";
import type { DiscoveredPeer, FoundSegment, PeerMatch } from "../types.ts";
import type { ListedPeer } from "./peer-lists.ts";

/** A segment asked for, and how many blocks it has if the caller said so. */
export interface WantedSegment {
  readonly id: SegmentId;
  readonly totalBlocks: number | undefined;
}

interface PeerState {
  peer: DiscoveredPeer;
  readonly segments: Map<string, FoundSegment>;
}

export class OutstandingProbe {
  readonly version: 1 | 2;
  /** By segment key, in the order of the probe. */
  readonly wanted: ReadonlyMap<string, WantedSegment>;
  readonly startedMs: number;
  readonly #peers = new Map<string, PeerState>();

  constructor(version: 1 | 2, wanted: ReadonlyMap<string, WantedSegment>, startedMs: number) {
    this.version = version;
    this.wanted = wanted;
    this.startedMs = startedMs;
  }

  get ids(): SegmentId[] {
    return [...this.wanted.values()].map((segment) => segment.id);
  }

  get answered(): boolean {
    return this.#peers.size > 0;
  }

  /**
   * Takes an answer. Several answers of one endpoint, over IPv4 and IPv6 say, make one peer. Returns all that is known
   * of the peer, or undefined if nothing of it is new.
   */
  merge(
    peerId: string,
    addresses: readonly Endpoint[],
    found: readonly MatchedSegment[],
  ): PeerMatch | undefined {
    const known = this.#peers.get(peerId);
    if (!known && this.#peers.size >= MAX_PEERS_IN_PROBE) return undefined;
    const state = known ?? { peer: { id: peerId, addresses: [] }, segments: new Map() };
    const fresh = addresses.filter(
      (address) =>
        !state.peer.addresses.some((old) => old.address === address.address && old.port === address.port),
    );
    let grown = fresh.length > 0;
    for (const segment of found) {
      const key = segmentKey(segment.id);
      const wanted = this.wanted.get(key);
      if (!wanted) continue;
      const told = toFound(segment, wanted);
      const before = state.segments.get(key);
      if (before && before.complete === told.complete && before.heldBlocks === told.heldBlocks) continue;
      state.segments.set(key, told);
      grown = true;
    }
    if (state.segments.size === 0 || !grown) return undefined;
    state.peer = {
      id: peerId,
      addresses: [...state.peer.addresses, ...fresh].slice(0, MAX_ADDRESSES),
    };
    this.#peers.set(peerId, state);
    return { peer: state.peer, segments: [...state.segments.values()] };
  }

  /** All peers that have answered so far. */
  matches(): PeerMatch[] {
    return [...this.#peers.values()].map(({ peer, segments }) => ({
      peer,
      segments: [...segments.values()],
    }));
  }

  /** Who has a segment, first answer first. */
  holdersOf(key: string): ListedPeer[] {
    return [...this.#peers.values()].flatMap(({ peer, segments }) => {
      const segment = segments.get(key);
      return segment ? [{ peer, segment }] : [];
    });
  }
}

function toFound(segment: MatchedSegment, wanted: WantedSegment): FoundSegment {
  const { heldBlocks, holding, ageMs } = segment;
  return {
    id: wanted.id,
    complete: heldBlocks === undefined ? holding === "all" : hasAllBlocks(heldBlocks, wanted),
    ...(heldBlocks !== undefined && { heldBlocks }),
    ...(ageMs !== undefined && { ageMs }),
  };
}

/** Whether that is every block. Version 1.0 does not tell how many there are: 512 unless the caller said so. */
export function hasAllBlocks(heldBlocks: number, wanted: WantedSegment): boolean {
  return heldBlocks >= (wanted.totalBlocks ?? BLOCKS_OF_FULL_SEGMENT);
}
