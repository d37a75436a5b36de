/** Decides which probes are answered, and with what. [MS-PCCRD] 3.2 */
import type { SegmentId } from "@branchcache/content-info";
import type { Clock, Endpoint, Observer } from "@branchcache/runtime";
import type {
  Link,
  MatchBuilder,
  MatchTemplate,
  Probe,
  RequestHandler,
  RequestInfo,
} from "dgram-ws-discovery";
import { offeredAddresses } from "../addresses.ts";
import { answerTemplate, answerTexts, hasBlocks } from "../messages/match.ts";
import { type PeerProbe, readPeerProbe } from "../messages/probe.ts";
import type { FormatVersion } from "../names.ts";
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

/** Multicast comes back to its sender too. */
function isOurs({ from, link }: RequestInfo): boolean {
  const [address] = from.address.split("%");
  return link?.addresses.some((own) => own.address === address) ?? false;
}

/** A handler of probes for `WsDiscovery.respond`. */
export function probeAnswerer(options: AnswererOptions): RequestHandler {
  const { clock, observer, endpointId, republication, serve } = options;
  const templates = new AnswerTemplates(endpointId, serve.retrievalPort);

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
    if (serve.onProbe && !isOurs(request)) serve.onProbe(wanted.ids, request.from.address);
    const { isHeld, told } = await decide(wanted.ids);
    if (!isHeld) {
      observer.count("discoveries_total", 1, RECEIVED.none);
      return undefined;
    }
    if (serve.onBattery?.()) {
      observer.count("probe_answers_total", 1, SILENT.battery);
      return undefined;
    }
    if (!told.includes(true)) {
      observer.count("discoveries_total", 1, RECEIVED.suppressed);
      observer.count("probe_answers_total", 1, SILENT.quorum);
      return undefined;
    }
    observer.count("discoveries_total", 1, RECEIVED.found);
    const waiting = { ...wanted, texts: wanted.texts.map(ownText) };
    return () => build(waiting, request, told);
  }

  /**
   * Whether any is held, and which of them will be told of. As far as to the first that will: the cache is asked for
   * all when the wait is over. Who has one mostly has the others, too, so that the first is asked for alone.
   */
  async function decide(
    ids: readonly SegmentId[],
  ): Promise<{ isHeld: boolean; told: (boolean | undefined)[] }> {
    const told: (boolean | undefined)[] = [];
    const nowMs = clock.monotonicMs();
    let isHeld = false;
    for (const part of ids.length > 1 ? [ids.slice(0, 1), ids.slice(1)] : [ids]) {
      for (const segment of await serve.held.holds(part)) {
        const id = ids[told.length] as SegmentId;
        told.push(hasBlocks(segment) ? republication.mayAnswer(id, nowMs) : undefined);
        if (told.at(-1)) return { isHeld: true, told };
        isHeld ||= hasBlocks(segment);
      }
    }
    return { isHeld, told };
  }

  /** The cache may have changed while the answer waited. */
  async function build(wanted: PeerProbe, request: RequestInfo, told: readonly (boolean | undefined)[]) {
    const template = templates.for(wanted.version, request);
    if (!template) return undefined;
    const now = await serve.held.holds(wanted.ids);
    const nowMs = clock.monotonicMs();
    const held = now.map((segment, i) => {
      if (!hasBlocks(segment)) return undefined;
      return (told[i] ?? republication.mayAnswer(wanted.ids[i] as SegmentId, nowMs)) ? segment : undefined;
    });
    const texts = answerTexts(wanted, held, clock.wallMs());
    return texts && template.with(...texts);
  }

  return { onProbe };
}

/** Sources on one link that are remembered. */
const MAX_SOURCES = 1_024;

/** One for each format and for all sources that are told the same addresses. */
class AnswerTemplates {
  readonly #endpointId: string;
  readonly #port: number;
  /** A link that changes is another. */
  readonly #links = new WeakMap<Link, Map<string, MatchTemplate | undefined>>();

  constructor(endpointId: string, port: number) {
    this.#endpointId = endpointId;
    this.#port = port;
  }

  /** Undefined if we have no address that the source could use. */
  for(version: FormatVersion, { from, link }: RequestInfo): MatchTemplate | undefined {
    if (!link) return undefined;
    let templates = this.#links.get(link);
    if (!templates) {
      templates = new Map();
      this.#links.set(link, templates);
    }
    const source = `${version} ${from.address}`;
    if (!templates.has(source)) {
      if (templates.size >= MAX_SOURCES) templates.clear();
      templates.set(source, this.#make(version, from, link, templates));
    }
    return templates.get(source);
  }

  #make(
    version: FormatVersion,
    from: Endpoint,
    link: Link,
    templates: Map<string, MatchTemplate | undefined>,
  ) {
    const xAddrs = offeredAddresses(from, link, this.#port);
    if (xAddrs.length === 0) return undefined;
    const name = `${version} ${xAddrs.join(" ")}`;
    const template = templates.get(name) ?? answerTemplate(version, this.#endpointId, xAddrs);
    templates.set(name, template);
    return template;
  }
}
