/** Decides which probes are answered, and with what. [MS-PCCRD] 3.2 */
import type { Clock, Observer } from "@branchcache/runtime";
import type { MatchBuilder, Probe, RequestHandler, RequestInfo } from "dgram-ws-discovery";
import { offeredAddresses } from "../addresses.ts";
import { type HeldSegment, peerMatch, segmentKey } from "../messages/match.ts";
import { type PeerProbe, readPeerProbe } from "../messages/probe.ts";
import type { Republication } from "../republication.ts";
import type { ServeOptions } from "../types.ts";

export interface AnswererOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly endpointId: string;
  readonly republication: Republication;
  readonly serve: ServeOptions;
}

/** Made once: probes are many. */
const RECEIVED = {
  none: { direction: "received", result: "none" },
  suppressed: { direction: "received", result: "suppressed" },
  found: { direction: "received", result: "found" },
};
const SILENT = { battery: { decision: "battery" }, quorum: { decision: "quorum" } };

/** What waits must not keep the whole text of the datagram in memory, which a part of it does. */
function ownText(part: string): string {
  return ` ${part}`.slice(1);
}

function hasBlocks(segment: HeldSegment | undefined): boolean {
  return segment !== undefined && segment.heldBlocks > 0;
}

/** Multicast comes back to its sender too. */
function isOurs({ from, link }: RequestInfo): boolean {
  const [address] = from.address.split("%");
  return link?.addresses.some((own) => own.address === address) ?? false;
}

/** A handler of probes for `WsDiscovery.respond`. */
export function probeAnswerer(options: AnswererOptions): RequestHandler {
  const { clock, observer, endpointId, republication, serve } = options;

  async function onProbe(probe: Probe, request: RequestInfo): Promise<MatchBuilder | undefined> {
    const wanted = readPeerProbe(probe);
    if (wanted === "foreign") return undefined;
    if (wanted === "malformed") {
      observer.count("datagrams_dropped_total", 1, { reason: "malformed" });
      return undefined;
    }
    observer.event("trace", "probe.received", {
      peer: request.from.address,
      segments: wanted.ids.length,
      version: wanted.version,
    });
    if (!isOurs(request)) serve.onProbe?.(wanted.ids, request.from.address);
    const held = await serve.held.holds(wanted.ids);
    if (!held.some(hasBlocks)) {
      observer.count("discoveries_total", 1, RECEIVED.none);
      return undefined;
    }
    if (serve.onBattery?.()) {
      observer.count("probe_answers_total", 1, SILENT.battery);
      return undefined;
    }
    const nowMs = clock.monotonicMs();
    const told = wanted.ids.map(
      (id, i) => hasBlocks(held[i]) && republication.mayAnswer(segmentKey(id), nowMs),
    );
    if (!told.includes(true)) {
      observer.count("discoveries_total", 1, RECEIVED.suppressed);
      observer.count("probe_answers_total", 1, SILENT.quorum);
      return undefined;
    }
    observer.count("discoveries_total", 1, RECEIVED.found);
    const waiting = { ...wanted, texts: wanted.texts.map(ownText) };
    return () => build(waiting, request, told);
  }

  /** The cache may have changed while the answer waited. */
  async function build(wanted: PeerProbe, request: RequestInfo, told: readonly boolean[]) {
    const xAddrs = request.link ? offeredAddresses(request.from, request.link, serve.retrievalPort) : [];
    if (xAddrs.length === 0) return undefined;
    const now = await serve.held.holds(wanted.ids);
    const held = told.map((tell, i) => (tell && hasBlocks(now[i]) ? now[i] : undefined));
    return peerMatch({ address: endpointId, xAddrs, probe: wanted, held, wallMs: clock.wallMs() });
  }

  return { onProbe };
}
