/** A node: one store, the peers of the branch, and a port that serves what the store holds. */
import {
  isWhollyListed,
  readContentInformation,
  type Segment,
  type SegmentId,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { type PeerDiscovery, type PeerMatch, startPeerDiscovery } from "@branchcache/discovery";
import { type FetchBlocksOptions, rememberPeers } from "@branchcache/retrieval";
import { nodeBlockCipher, nodeHttpPort } from "@branchcache/retrieval/node";
import {
  BranchCacheError,
  type Endpoint,
  errorMessage,
  requireNumber,
  requireOneOf,
  silentObserver,
} from "@branchcache/runtime";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { type BlockServer, startBlockServer } from "./block-server.ts";
import { heldSegmentsOf } from "./block-source.ts";
import type { BranchCache } from "./branch-cache.ts";
import { BranchPeers } from "./branch-peers.ts";
import { CacheChoice, LinkSwitch } from "./hosted/cache-choice.ts";
import { type HostedCacheState, HostedCaches } from "./hosted/hosted-caches.ts";
import { hostedFirst } from "./hosted/hosted-first.ts";
import { type NodeBlocks, nodeBlocks } from "./node-blocks.ts";
import { openNodeReader } from "./node-reader.ts";
import type { NodeMode, PeerNodeOptions } from "./peer-node-options.ts";
import { ProbeCrowd } from "./probe-crowd.ts";
import { SegmentVault } from "./segment-vault.ts";

const NODE_MODES: readonly NodeMode[] = ["local", "distributed", "hosted-client", "hosted-server", "auto"];

/** A node that runs in this process. */
export interface PeerNode extends BranchCache, AsyncDisposable {
  /** As it was started; `auto` stays `auto`, whatever is found. */
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
  /** Ends what is under way, then stops. Does not close the store. Twice is harmless; `await using` does the same. */
  close(): Promise<void>;
}

/**
 * Errors: `BC_LISTEN_PORT_IN_USE`, `BC_LISTEN_NO_PERMISSION`, `BC_LISTEN_FAILED`; `BC_INVALID_ARGUMENT` for an option that
 * cannot be; those of discovery.
 */
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
  requireOneOf("mode", mode, NODE_MODES);
  requireOneOf("cipherId", cipherId, [0, 1, 2, 3]);
  requireNumber("quarantineMs", options.quarantineMs, 0);
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
  const close = (): Promise<void> => {
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
  };

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
    close,
    [Symbol.asyncDispose]: close,
  };
}
