/** Discovery of one host, client and server, joined to the network. */
import { BranchCacheError, errorCode, type Observer, silentObserver } from "@branchcache/runtime";
import { newUuidUrn, openWsDiscovery, type WsDiscoveryError } from "dgram-ws-discovery";
import { Finder } from "./client/finder.ts";
import { PREFIXES } from "./formats.ts";
import {
  ANSWERS_PER_SECOND,
  DEFAULT_BACKOFF_MS,
  DEFAULT_MAX_PER_SECOND,
  DEFAULT_NEGATIVE_TTL_MS,
  DEFAULT_REPUBLISH_QUORUM,
  DEFAULT_WAIT_MS,
  LEAST_BACKOFF_MS,
  REANSWER_AFTER_MS,
} from "./limits.ts";
import { Republication } from "./republication.ts";
import { probeAnswerer } from "./server/probe-answerer.ts";
import type { PeerDiscovery, PeerDiscoveryOptions } from "./types.ts";

/**
 * Starts discovery: `find` asks from now on and, with `serve`, probes are answered. An interface that cannot be used is reported as
 * `listen.port_in_use`, `listen.no_permission` or `discovery.failed` to the observer, and the others go on. Rejects with
 * `WSD_OPTION` for a port that there is not.
 */
export async function startPeerDiscovery(options: PeerDiscoveryOptions): Promise<PeerDiscovery> {
  const { clock, random, udp, observer = silentObserver, serve } = options;
  const backoffMs = Math.max(options.backoffMs ?? DEFAULT_BACKOFF_MS, LEAST_BACKOFF_MS);
  const endpointId = newUuidUrn(random);
  const republication = new Republication(options.republishQuorum ?? DEFAULT_REPUBLISH_QUORUM, random);
  const finder = new Finder({
    clock,
    observer,
    endpointId,
    waitMs: Math.max(options.waitMs ?? DEFAULT_WAIT_MS, backoffMs),
    backoffMs,
    maxPerSecond: Math.max(options.maxPerSecond ?? DEFAULT_MAX_PER_SECOND, 1),
    negativeTtlMs: options.negativeTtlMs ?? DEFAULT_NEGATIVE_TTL_MS,
    addressTtlMs: options.addressTtlMs ?? 0,
    republication,
  });
  const discovery = await openWsDiscovery({
    clock,
    random,
    datagrams: udp,
    ...(options.interfaces && { interfaces: options.interfaces }),
    ...(options.port !== undefined && { port: options.port }),
    ...(options.interfaceRefreshMs !== undefined && { interfaceRefreshMs: options.interfaceRefreshMs }),
    onError: (error) => reportFault(observer, error),
    onDrop: (reason) => observer.count("datagrams_dropped_total", 1, { reason }),
    onUnrelated: (match) => finder.onUnrelated(match),
  });
  finder.attach(discovery);
  if (serve) {
    await discovery.respond(probeAnswerer({ clock, observer, endpointId, republication, serve }), {
      answerDelayMs: [LEAST_BACKOFF_MS, backoffMs],
      reanswerAfterMs: REANSWER_AFTER_MS,
      answersPerSecond: ANSWERS_PER_SECOND,
      prefixes: PREFIXES,
      onAnswered: (request) => {
        observer.count("probe_answers_total", 1, { decision: "answered" });
        observer.event("trace", "probe.answer_sent", { peer: request.from.address });
      },
      onLimited: () => observer.count("probe_answers_total", 1, { decision: "limit" }),
    });
  }
  const close = async () => {
    finder.close(new BranchCacheError("BC_DISCOVERY_CLOSED", "peer discovery was closed"));
    await discovery.close();
  };
  return {
    endpointId,
    forget: (peerId) => finder.forget(peerId),
    find: (ids, findOptions) => finder.find(ids, findOptions),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function reportFault(observer: Observer, error: WsDiscoveryError): void {
  const cause = errorCode(error.cause);
  if (error.code === "WSD_INTERFACE" && cause === "EADDRINUSE") {
    observer.event("error", "listen.port_in_use", { message: error.message });
  } else if (error.code === "WSD_INTERFACE" && cause === "EACCES") {
    observer.event("error", "listen.no_permission", { message: error.message });
  } else {
    observer.event("warn", "discovery.failed", { code: error.code, cause, message: error.message });
  }
}
