/** A node: one store, the peers of the branch, and a port that serves what the store holds. */
import type { BlockStore, SecretStore } from "@branchcache/cache-store";
import {
  type CipherId,
  isWhollyListed,
  readContentInformation,
  type Segment,
  type SegmentId,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import {
  type PeerDiscovery,
  type PeerDiscoveryOptions,
  type PeerMatch,
  startPeerDiscovery,
} from "@branchcache/discovery";
import { type FetchBlocksOptions, rememberPeers } from "@branchcache/retrieval";
import { nodeBlockCipher, nodeHttpPort } from "@branchcache/retrieval/node";
import {
  BranchCacheError,
  type Clock,
  type Endpoint,
  errorMessage,
  type HttpPort,
  type Observer,
  type Random,
  silentObserver,
  type UdpPort,
} from "@branchcache/runtime";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { type BlockServer, startBlockServer } from "./block-server.ts";
import { heldSegmentsOf } from "./block-source.ts";
import type { BranchCache } from "./branch-cache.ts";
import { BranchPeers } from "./branch-peers.ts";
import { CacheChoice, LinkSwitch } from "./hosted/cache-choice.ts";
import { type HostedCacheState, HostedCaches, type HostedClientOptions } from "./hosted/hosted-caches.ts";
import { hostedFirst } from "./hosted/hosted-first.ts";
import type { DiscoverOptions } from "./hosted/srv.ts";
import type { ListenAddress } from "./http-listen.ts";
import { type NodeBlocks, nodeBlocks } from "./node-blocks.ts";
import { openNodeReader } from "./node-reader.ts";
import { ProbeCrowd } from "./probe-crowd.ts";
import { SegmentVault } from "./segment-vault.ts";

/** The node's store, its part in the branch, and its bounds. */
export interface PeerNodeOptions {
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
  readonly clock?: Clock;
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

/** A node that runs in this process. */
export interface PeerNode extends BranchCache {
  readonly mode: NodeMode;
  /** Where it serves blocks; undefined when it serves nobody. */
  readonly serving: Endpoint | undefined;
  /** For callers with an order of reading of their own. */
  readonly blocks: NodeBlocks;
  /** Those that are used now, named or found by DNS. */
  readonly hostedCaches: readonly HostedCacheState[];
  /** Asks the link who holds these segments; nobody where the node asks nobody. */
  whoHas(
    ids: readonly SegmentId[],
    options: { readonly version: 1 | 2; readonly signal?: AbortSignal },
  ): AsyncIterable<PeerMatch>;
  /** Ends what is under way, then stops. Does not close the store. Twice is harmless. */
  close(): Promise<void>;
}

/** Errors: `BC_LISTEN_PORT_IN_USE`, `BC_LISTEN_NO_PERMISSION`, `BC_LISTEN_FAILED`; those of discovery. */
export async function startPeerNode(options: PeerNodeOptions): Promise<PeerNode> {
  const {
    store,
    mode,
    clock = systemClock,
    random = systemRandom,
    observer = silentObserver,
    cipherId = 1,
    http = nodeHttpPort(),
    udp = nodeDatagramPort,
  } = options;
  const closing = new AbortController();
  const vault = new SegmentVault({
    ...store,
    engine: nodeHashEngine,
    cipher: nodeBlockCipher,
    cipherId,
    random,
    observer,
  });

  let server: BlockServer | undefined;
  const serves = mode !== "local" && mode !== "hosted-server";
  if (serves && options.listen) {
    const { honourPreferredCipher = false, maxUploads } = options;
    server = await startBlockServer({
      store,
      listen: options.listen,
      honourPreferredCipher,
      clock,
      random,
      observer,
      ...(maxUploads === undefined ? {} : { maxUploads }),
    });
  }
  const serving = server?.serving ?? (serves ? options.servedElsewhere : undefined);

  const crowd = new ProbeCrowd(clock);
  const startDiscovery = (): Promise<PeerDiscovery> =>
    startPeerDiscovery({
      ...options.discovery,
      clock,
      random,
      observer,
      udp,
      ...(options.interfaces ? { interfaces: options.interfaces } : {}),
      ...(serving
        ? {
            serve: {
              held: heldSegmentsOf(store.blocks),
              retrievalPort: serving.port,
              onProbe: (ids, from) => crowd.note(ids, from),
              ...(options.silent ? { onBattery: options.silent } : {}),
            },
          }
        : {}),
    });
  const { quarantineMs } = options;
  const peers = new BranchPeers({
    clock,
    observer,
    ...(quarantineMs === undefined ? {} : { quarantineMs }),
  });
  const link = new LinkSwitch({ peers, start: startDiscovery });
  const neighbours = rememberPeers(peers, { clock });
  const { hostedClient = {}, retrieval } = options;
  const usesHosted = mode === "hosted-client" || mode === "auto";
  const caches = new HostedCaches({
    ...hostedClient,
    servingPort: usesHosted ? serving?.port : undefined,
    http,
    clock,
    random,
    observer,
    ...(retrieval?.requestTimeoutMs === undefined ? {} : { requestTimeoutMs: retrieval.requestTimeoutMs }),
  });
  const choice = new CacheChoice({ mode, hostedClient, caches, link, clock, random, observer });
  try {
    await choice.start();
  } catch (error) {
    await server?.close();
    throw error;
  }
  const finder = usesHosted
    ? hostedFirst(caches, () => (peers.discovery ? neighbours : undefined))
    : neighbours;
  const fetch: Omit<FetchBlocksOptions, "signal"> = {
    ...options.retrieval,
    finder,
    http,
    cipher: nodeBlockCipher,
    engine: nodeHashEngine,
    clock,
    observer,
    onLiar: (peer) => {
      // What a hosted cache was given and cannot read is no fault of its own.
      if (peer.kind === "hosted") return;
      peers.quarantine(peer);
      neighbours.forget(peer.id);
    },
  };
  const onKept = (segment: Segment, blockIndex: number, tag?: string): void => {
    // The hosted cache pulls by the hashes of all blocks; those of a part vouch for nothing.
    if (isWhollyListed(segment)) caches.kept(segment, blockIndex, tag);
  };
  let closed: Promise<void> | undefined;

  return {
    mode,
    serving,
    blocks: nodeBlocks({ blocks: store.blocks, vault, observer, fetch, crowd, onKept }),
    get hostedCaches() {
      return caches.states;
    },
    async *whoHas(ids, whose) {
      if (peers.discovery) yield* peers.discovery.find(ids, whose);
    },
    async open(bytes, { signal } = {}) {
      closing.signal.throwIfAborted();
      const content = readContentInformation(bytes, nodeHashEngine);
      return openNodeReader({
        content,
        vault,
        engine: nodeHashEngine,
        observer,
        signal: signal ? AbortSignal.any([signal, closing.signal]) : closing.signal,
        fetch,
        onKept,
      });
    },
    close() {
      closed ??= (async () => {
        closing.abort(new BranchCacheError("BC_CLOSED", "the node is stopping"));
        await choice.close();
        caches.close();
        await link.close();
        await server?.close();
        // A cache that may lose its newest blocks is no reason to leave the rest of a process open.
        await store.blocks.flush().catch((error: unknown) => {
          observer.event("warn", "cache.save_failed", { reason: errorMessage(error) });
        });
      })();
      return closed;
    },
  };
}
