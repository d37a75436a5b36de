/** What `startPeerNode` takes. */
import type { BlockStore, SecretStore } from "@branchcache/cache-store";
import type { CipherId } from "@branchcache/content-info";
import type { PeerDiscoveryOptions } from "@branchcache/discovery";
import type { FetchBlocksOptions } from "@branchcache/retrieval";
import type { Clock, Endpoint, HttpPort, Observer, Random, UdpPort } from "@branchcache/runtime";
import type { HostedClientOptions } from "./hosted/hosted-caches.ts";
import type { DiscoverOptions } from "./hosted/srv.ts";
import type { ListenAddress } from "./http-listen.ts";

/** The node's store, its part in the branch, and its bounds. */
export interface PeerNodeOptions {
  /** Read, filled and served. The node does not close it. */
  readonly store: { readonly blocks: BlockStore; readonly secrets: SecretStore };
  /**
   * `local`: reads and fills its own store, asks nobody, serves nobody. `distributed`: finds peers by
   * multicast and, where `listen` is given, serves them. `hosted-client`: asks hosted caches, offers them what it
   * got elsewhere and serves them that. `auto`: the same where DNS names a hosted cache, else `distributed`.
   * `hosted-server`: as `local`; `startHostedCacheService` over the same store serves the branch.
   */
  readonly mode: NodeMode;
  /** Where peers fetch blocks; absent, the node takes and does not give. Port 0 picks a free one. */
  readonly listen?: ListenAddress;
  /** Where other processes of this node serve its store, instead of `listen`. */
  readonly servedElsewhere?: Endpoint;
  /** Names or addresses of the interfaces to find peers on. Default all but loopback. */
  readonly interfaces?: readonly string[];
  /** Timers and bounds of finding peers; defaults as for `startPeerDiscovery`. */
  readonly discovery?: Pick<
    PeerDiscoveryOptions,
    "port" | "waitMs" | "backoffMs" | "maxPerSecond" | "negativeTtlMs" | "addressTtlMs" | "republishQuorum"
  >;
  /** True while no probe is to be answered, as on battery power. Default: never. */
  readonly silent?: () => boolean;
  /** Milliseconds for which a peer that sent false bytes is left alone. Default 10 minutes. */
  readonly quarantineMs?: number;
  /** Bounds of fetching from peers; defaults as for `fetchBlocks`. */
  readonly retrieval?: Pick<
    FetchBlocksOptions,
    "requestTimeoutMs" | "maxTimeouts" | "maxPeers" | "window" | "blockTimeoutMs"
  >;
  /** What blocks are kept and served in. Default 1, AES-128, as Windows has it. */
  readonly cipherId?: CipherId;
  /** Serve in the cipher that a peer prefers, where the key is known. Default false: as blocks are kept. */
  readonly honourPreferredCipher?: boolean;
  /** Requests for blocks answered at once. Default 64. [MS-PCCRR] 3.2.1 */
  readonly maxUploads?: number;
  /** For the modes `hosted-client` and `auto`. */
  readonly hostedClient?: Partial<HostedClientOptions> & {
    /** Look for hosted caches by DNS where none is named; `auto` always does. Default false. */
    readonly discover?: boolean | Pick<DiscoverOptions, "domains" | "resolve">;
  };
  /** Default the system's. */
  readonly clock?: Clock;
  /** Makes initialization vectors and back-off times. Default the system's. */
  readonly random?: Random;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** How peers are asked. Default plain HTTP of Node.js. */
  readonly http?: HttpPort;
  /** How peers are found. Default UDP of Node.js. */
  readonly udp?: UdpPort;
}

/** A node's part in the branch; `mode` of `PeerNodeOptions` tells what each does. */
export type NodeMode = "local" | "distributed" | "hosted-client" | "hosted-server" | "auto";
