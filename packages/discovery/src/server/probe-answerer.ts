/** Decides which probes are answered, and with what. [MS-PCCRD] 3.2 */
import { type Clock, type Observer, withoutZone } from "@branchcache/runtime";
import type {
  Link,
  MatchBuilder,
  MatchTemplate,
  Probe,
  RequestHandler,
  RequestInfo,
} from "dgram-ws-discovery";
import { offeredAddresses } from "../addresses.ts";
import type { FormatVersion } from "../formats.ts";
import { answerTemplate, answerTexts, type HeldSegment, hasBlocks } from "../messages/match.ts";
import { keepable, type PeerProbe, readPeerProbe } from "../messages/probe.ts";
import type { Republication } from "../republication.ts";
import type { ServeOptions } from "../types.ts";

export interface AnswererOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly endpointId: string;
  readonly republication: Republication;
  readonly serve: ServeOptions;
}

/** Labels of metrics, made once and not for each probe. */
const RECEIVED = {
  none: { direction: "received", result: "none" },
  suppressed: { direction: "received", result: "suppressed" },
  found: { direction: "received", result: "found" },
};
const SILENT = { battery: { decision: "battery" }, quorum: { decision: "quorum" } };

/** What was decided when the probe came. Segments after `told` are decided when the answer leaves. */
interface Decided {
  /** Index of the first segment that the answer names. */
  readonly told: number;
  /** Indices of segments before it that are held, but kept silent about. */
  readonly silent: readonly number[];
}

const NONE: readonly number[] = [];

/** Whether the probe comes from this machine: multicast reaches all sockets on it. */
function isOurs({ from, link }: RequestInfo): boolean {
  const address = withoutZone(from.address);
  return link?.addresses.some((own) => withoutZone(own.address) === address) ?? false;
}

/** A handler of probes for `WsDiscovery.respond`. */
export function probeAnswerer(options: AnswererOptions): RequestHandler {
  const { clock, observer, endpointId, republication, serve } = options;
  const templates = new AnswerTemplates(endpointId, serve.retrievalPort);

  function onProbe(probe: Probe, request: RequestInfo): Promise<MatchBuilder | undefined> | undefined {
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
    if (serve.onProbe && !isOurs(request)) serve.onProbe(wanted.ids.slice(), request.from.address);
    return decide(wanted, request);
  }

  /**
   * Looks for the first segment that the answer will name; the cache is asked for all of them when the delay is over. A
   * node that has the first mostly has the others, so the first is looked up alone.
   */
  async function decide(wanted: PeerProbe, request: RequestInfo): Promise<MatchBuilder | undefined> {
    const { ids } = wanted;
    const nowMs = clock.monotonicMs();
    let silent = NONE;
    for (let first = 0; first < ids.length; ) {
      const part = ids.slice(first, first === 0 ? 1 : ids.length);
      const held = await serve.held.holds(part);
      for (let i = 0; i < part.length; i++) {
        if (!hasBlocks(held[i])) continue;
        if (republication.mayAnswer(part[i]!, nowMs)) {
          return builder(wanted, request, { told: first + i, silent });
        }
        silent = [...silent, first + i];
      }
      first += part.length;
    }
    if (silent.length === 0) observer.count("discoveries_total", 1, RECEIVED.none);
    else if (!isOnBattery()) {
      observer.count("discoveries_total", 1, RECEIVED.suppressed);
      observer.count("probe_answers_total", 1, SILENT.quorum);
    }
    return undefined;
  }

  function isOnBattery(): boolean {
    if (!serve.onBattery?.()) return false;
    observer.count("probe_answers_total", 1, SILENT.battery);
    return true;
  }

  function builder(wanted: PeerProbe, request: RequestInfo, decided: Decided): MatchBuilder | undefined {
    if (isOnBattery()) return undefined;
    observer.count("discoveries_total", 1, RECEIVED.found);
    const waiting = keepable(wanted);
    return () => build(waiting, request, decided);
  }

  /** The answer, by what the cache holds now that the delay is over. */
  async function build(wanted: PeerProbe, request: RequestInfo, { told, silent }: Decided) {
    const template = templates.for(wanted.version, request);
    if (!template) return undefined;
    const ids = wanted.ids.slice();
    const now = await serve.held.holds(ids);
    const nowMs = clock.monotonicMs();
    const held = new Array<HeldSegment | undefined>(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const segment = now[i];
      const isTold =
        hasBlocks(segment) &&
        (i === told || (!silent.includes(i) && republication.mayAnswer(ids[i]!, nowMs)));
      held[i] = isTold ? segment : undefined;
    }
    const texts = answerTexts(wanted, held, clock.wallMs());
    return texts && template.with(...texts);
  }

  return { onProbe };
}

/** Sources of one link whose template is remembered. */
const MAX_SOURCES = 1_024;

/** The templates of answers: one for each format and each set of our addresses that sources are told. */
class AnswerTemplates {
  readonly #endpointId: string;
  readonly #port: number;
  /** By format. A link whose addresses change is a new object. */
  readonly #links = { 1: new WeakMap<Link, LinkTemplates>(), 2: new WeakMap<Link, LinkTemplates>() };

  constructor(endpointId: string, port: number) {
    this.#endpointId = endpointId;
    this.#port = port;
  }

  /** Undefined if we have no address that the source could use. */
  for(version: FormatVersion, { from, link }: RequestInfo): MatchTemplate | undefined {
    if (!link) return undefined;
    let known = this.#links[version].get(link);
    if (!known) {
      known = { bySource: new Map(), byAddresses: new Map() };
      this.#links[version].set(link, known);
    }
    const { bySource, byAddresses } = known;
    let template = bySource.get(from.address);
    if (template || bySource.has(from.address)) return template;
    const xAddrs = offeredAddresses(from, link, this.#port);
    if (xAddrs.length > 0) {
      const name = xAddrs.join(" ");
      template = byAddresses.get(name) ?? answerTemplate(version, this.#endpointId, xAddrs);
      byAddresses.set(name, template);
    }
    if (bySource.size >= MAX_SOURCES) bySource.clear();
    bySource.set(from.address, template);
    return template;
  }
}

interface LinkTemplates {
  readonly bySource: Map<string, MatchTemplate | undefined>;
  /** By the addresses in it, joined. */
  readonly byAddresses: Map<string, MatchTemplate>;
}
