/** A node as the settings want it. */
import type { PeerNodeOptions } from "@branchcache/peer-node";
import type { Endpoint, Observer } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";
import type { DaemonStore } from "./daemon-store.ts";

export interface NodeSurroundings {
  readonly store: DaemonStore;
  readonly serving: Endpoint | undefined;
  readonly hostedClient: NonNullable<PeerNodeOptions["hostedClient"]>;
  readonly silent: () => boolean;
  readonly observer: Observer;
}

/** `mode`: one in which there is a node at all. */
export function nodeOptions(
  settings: Settings,
  mode: PeerNodeOptions["mode"],
  { store, serving, hostedClient, silent, observer }: NodeSurroundings,
): PeerNodeOptions {
  const { peer, discovery, client } = settings;
  return {
    store,
    mode,
    observer,
    hostedClient,
    silent,
    quarantineMs: peer.quarantine,
    discovery: {
      port: discovery.port,
      waitMs: discovery.wait,
      backoffMs: discovery.backoff,
      maxPerSecond: discovery.max_per_second,
      negativeTtlMs: discovery.negative_ttl,
      addressTtlMs: discovery.address_ttl,
      republishQuorum: discovery.republish_quorum,
    },
    retrieval: {
      requestTimeoutMs: peer.request_timeout,
      maxTimeouts: peer.max_timeouts,
      maxPeers: peer.max_peers,
      blockTimeoutMs: client.read_timeout,
    },
    ...(serving ? { servedElsewhere: serving } : {}),
    ...(peer.interfaces.length > 0 ? { interfaces: peer.interfaces } : {}),
  };
}
