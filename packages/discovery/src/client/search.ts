/** One call of `find`: its segments that are still asked for, and the matches that its caller has not taken. */
import { AsyncQueue } from "dgram-ws-discovery/profile";
import { segmentKey } from "../messages/match.ts";
import type { PeerMatch } from "../types.ts";
import type { WantedSegment } from "./outstanding-probe.ts";

const MAX_QUEUED_MATCHES = 65_536;

export class Search {
  readonly version: 1 | 2;
  readonly wanted: ReadonlyMap<string, WantedSegment>;
  readonly matches = new AsyncQueue<PeerMatch>(MAX_QUEUED_MATCHES);
  readonly #open: Set<string>;

  constructor(version: 1 | 2, wanted: ReadonlyMap<string, WantedSegment>) {
    this.version = version;
    this.wanted = wanted;
    this.#open = new Set(wanted.keys());
  }

  /** Passes on the part of a match that was asked for and is still open. */
  tell(match: PeerMatch): void {
    const segments = match.segments.filter((segment) => this.#open.has(segmentKey(segment.id)));
    if (segments.length > 0) this.matches.push({ peer: match.peer, segments });
  }

  /** No more will come about this segment. */
  settle(key: string): void {
    this.#open.delete(key);
    if (this.#open.size === 0) this.matches.end();
  }
}
