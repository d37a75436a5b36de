/** What discovery asks for and gives. */
import type { SegmentId } from "@branchcache/content-info";
import type { Clock, Endpoint, Observer, Random, UdpPort } from "@branchcache/runtime";
import type { FormatVersion } from "./formats.ts";
import type { HeldSegment } from "./messages/match.ts";

/** The cache, as far as discovery asks it. */
export interface HeldSegments {
  /** What is held of each segment, index-aligned; undefined for nothing. Identifiers may have any length. */
  holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]>;
}

/** Who answered a probe, and where its retrieval server listens. */
export interface DiscoveredPeer {
  /** The endpoint's Address, canonical: one for a peer, however many addresses it has. */
  readonly id: string;
  /** Those that can be connected to, most preferred first; link-local ones with their zone. */
  readonly addresses: readonly Endpoint[];
}

/** A segment that a peer told of. [MS-PCCRD] 2.2.3.9 */
export interface FoundSegment {
  readonly id: SegmentId;
  /** The peer has every block. In version 1.0 worked out from the block count, see `FindOptions.totalBlocks`. */
  readonly complete: boolean;
  /** Version 1.0 only. */
  readonly heldBlocks?: number;
  /** Time since the segment came into the peer's cache, as it says. Version 2.0 only. */
  readonly ageMs?: number;
}

/** One peer and the segments that it told of, only those that `find` asked for. [MS-PCCRD] 2.2.3.3, 2.2.3.9 */
export interface PeerMatch {
  readonly peer: DiscoveredPeer;
  /** Never empty. */
  readonly segments: readonly FoundSegment[];
}

/** What `find` has to know beside the identifiers. */
export interface FindOptions {
  /** Of the Content Information that the segments come from. */
  readonly version: FormatVersion;
  /**
   * Blocks of each segment, index-aligned with the identifiers. Version 1.0 answers tell how many blocks a
   * peer has and not of how many: without this only full segments of 512 blocks are known to be complete.
   */
  readonly totalBlocks?: readonly number[];
  /** Ends the search; `find` throws its reason. */
  readonly signal?: AbortSignal;
}

/** What a host needs to answer other hosts' probes. [MS-PCCRD] 3.2 */
export interface ServeOptions {
  /** Asked when a probe comes, and once more just before the answer leaves. */
  readonly held: HeldSegments;
  /** TCP port at which segments are served, told in answers. */
  readonly retrievalPort: number;
  /** Told of every probe of others for segments, whether it is answered or not. `from`: the address that asked. */
  onProbe?(ids: readonly SegmentId[], from: string): void;
  /** True while nobody is to be served because power comes from a battery. Default: never. */
  onBattery?(): boolean;
}

/** The ports that discovery works through, its timers and its bounds. [MS-PCCRD] 3.1.2, 3.2.2, note <7> */
export interface PeerDiscoveryOptions {
  /** `systemClock` of `@branchcache/runtime/node`. */
  readonly clock: Clock;
  /** `systemRandom` of `@branchcache/runtime/node`. */
  readonly random: Random;
  /** `nodeDatagramPort` of `dgram-ws-discovery/node`. */
  readonly udp: UdpPort;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** Names or addresses of interfaces. Default: all but loopback. */
  readonly interfaces?: readonly string[];
  /** UDP port of WS-Discovery. Default 3702. */
  readonly port?: number;
  /** Milliseconds that a probe waits for answers; never less than `backoffMs`. Default 300. */
  readonly waitMs?: number;
  /** The longest random delay of an answer, in milliseconds, here and as it is assumed of others. Default 65. */
  readonly backoffMs?: number;
  /** Probes sent in a second at most; further ones wait. Default 100. */
  readonly maxPerSecond?: number;
  /** Milliseconds for which a segment that nobody had is not asked for again. Default 15,000; 0 for none. */
  readonly negativeTtlMs?: number;
  /**
   * Milliseconds for which the peers of a segment are told from memory, and the segment is not asked for again.
   * Windows: 60,000. Default 0: every search asks.
   */
  readonly addressTtlMs?: number;
  /** Keep silent about segments that this many others answered for. Default 10; 0 for never. */
  readonly republishQuorum?: number;
  /** Milliseconds between looks at the interfaces. Default 5,000; 0 looks once. */
  readonly interfaceRefreshMs?: number;
  /** Answer the probes of others. Default: only ask. */
  readonly serve?: ServeOptions;
}

/**
 * One host's part in discovery on its links: `find` is the client role, `serve` of the options turned the server
 * role on. [MS-PCCRD] 3.1, 3.2
 */
export interface PeerDiscovery {
  /**
   * Asks the link for these segments, many a probe, and yields each peer as it answers, and again when it
   * turns out to have more segments or addresses. Ends when the last probe's wait is over. Segments that
   * nobody had a moment ago are not asked for. Aborted, it throws the signal's reason; after `close`
   * `BC_DISCOVERY_CLOSED`; for a version that there is not `BC_INVALID_ARGUMENT`.
   */
  find(ids: readonly SegmentId[], options: FindOptions): AsyncIterable<PeerMatch>;
  /** Drops a peer from memory: `find` yields it again only when it answers anew. */
  forget(peerId: string): void;
  /** Our own endpoint Address, new with each start. */
  readonly endpointId: string;
  /** Stops everything that waits. Twice is harmless. */
  close(): Promise<void>;
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}
