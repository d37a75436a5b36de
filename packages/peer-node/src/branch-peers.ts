/** Who in the branch holds a segment: discovery, less those who lied to us lately. */
import { blockCount, type Segment } from "@branchcache/content-info";
import type { PeerDiscovery } from "@branchcache/discovery";
import type { PeerFinder, PeerSource } from "@branchcache/retrieval";
import { type Clock, type Observer, setNewest } from "@branchcache/runtime";

/** A liar may come under a new name each time: beyond so many, the one that lied longest ago is forgotten. */
const MOST_QUARANTINED = 1_024;

export interface BranchPeersOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** How long a peer that sent false bytes is left alone. Default 10 minutes. */
  readonly quarantineMs?: number;
}

export class BranchPeers implements PeerFinder {
  readonly #options: BranchPeersOptions;
  readonly #quarantineMs: number;
  readonly #quarantinedUntilMs = new Map<string, number>();
  /** Set while the link is asked: see `LinkSwitch`. */
  discovery: PeerDiscovery | undefined;

  constructor(options: BranchPeersOptions) {
    this.#options = options;
    this.#quarantineMs = options.quarantineMs ?? 600_000;
  }

  async *find(segments: readonly Segment[], signal: AbortSignal): ReturnType<PeerFinder["find"]> {
    const { discovery } = this;
    const version = segments[0]?.version;
    if (!discovery || version === undefined) return;
    const matches = discovery.find(
      segments.map((segment) => segment.id),
      { version, signal, totalBlocks: segments.map(blockCount) },
    );
    for await (const match of matches) {
      if (this.#isQuarantined(match.peer.id)) continue;
      yield { peer: { ...match.peer, kind: "peer" as const }, segments: match.segments };
    }
  }

  quarantine(peer: PeerSource): void {
    const { clock, observer } = this.#options;
    this.discovery?.forget(peer.id);
    const untilMs = clock.monotonicMs() + this.#quarantineMs;
    setNewest(this.#quarantinedUntilMs, peer.id, untilMs, MOST_QUARANTINED);
    observer.measure("peers_quarantined", this.#quarantinedUntilMs.size);
  }

  #isQuarantined(id: string): boolean {
    const untilMs = this.#quarantinedUntilMs.get(id);
    if (untilMs === undefined) return false;
    if (untilMs > this.#options.clock.monotonicMs()) return true;
    this.#quarantinedUntilMs.delete(id);
    this.#options.observer.measure("peers_quarantined", this.#quarantinedUntilMs.size);
    return false;
  }
}
