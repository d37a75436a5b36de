/** Gathers what is asked for into probes, and hands answers to whoever asked. [MS-PCCRD] 3.1 */
import type { SegmentId } from "@branchcache/content-info";
import { type Clock, type Endpoint, type Observer, requireOneOf } from "@branchcache/runtime";
import { canonicalUri, type ReceivedMatch, type WsDiscovery } from "dgram-ws-discovery";
import { usableAddresses } from "../addresses.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { PREFIXES } from "../formats.ts";
import { IPV4_PAYLOAD_BYTES, IPV6_PAYLOAD_BYTES, MAX_REMEMBERED_PROBES } from "../limits.ts";
import {
  type MatchedSegment,
  matchFormat,
  readAgedMatch,
  readCountedMatch,
  segmentKey,
} from "../messages/match.ts";
import { peerProbe } from "../messages/probe.ts";
import type { Republication } from "../republication.ts";
import type { DiscoveredPeer, FindOptions, FoundSegment, PeerMatch } from "../types.ts";
import { idsPerProbe } from "./ids-per-probe.ts";
import { hasAllBlocks, OutstandingProbe, type WantedSegment } from "./outstanding-probe.ts";
import { type ListedPeer, PeerLists } from "./peer-lists.ts";
import { Search } from "./search.ts";
import { Throttle } from "./throttle.ts";

export interface FinderOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly endpointId: string;
  readonly waitMs: number;
  readonly backoffMs: number;
  readonly maxPerSecond: number;
  readonly negativeTtlMs: number;
  readonly addressTtlMs: number;
  readonly republication: Republication;
}

interface Answer {
  readonly peerId: string;
  readonly addresses: readonly Endpoint[];
  readonly found: readonly MatchedSegment[];
}

/** How long answers that come too late are recognised. */
const LATE_ANSWER_MS = 10_000;

export class Finder {
  readonly #options: FinderOptions;
  readonly #throttle: Throttle;
  readonly #nobody: ExpiringMap<true>;
  readonly #lists: PeerLists;
  readonly #closedProbes = new ExpiringMap<true>(LATE_ANSWER_MS, MAX_REMEMBERED_PROBES);
  readonly #searches = new Set<Search>();
  /** Segments to be asked for, by version and key. */
  readonly #queue = new Map<string, WantedSegment & { readonly version: 1 | 2 }>();
  readonly #outstanding = new Map<string, OutstandingProbe>();
  #discovery: WsDiscovery | undefined;
  /** Cancels the timer that will ask for the queue; undefined if there is none. */
  #cancelPump: (() => void) | undefined;
  #closed: { readonly reason: unknown } | undefined;

  constructor(options: FinderOptions) {
    this.#options = options;
    this.#throttle = new Throttle(options.maxPerSecond);
    this.#nobody = new ExpiringMap(options.negativeTtlMs);
    this.#lists = new PeerLists(options.addressTtlMs);
  }

  /** Has to be called before `find`. */
  attach(discovery: WsDiscovery): void {
    this.#discovery = discovery;
  }

  async *find(ids: readonly SegmentId[], options: FindOptions): AsyncGenerator<PeerMatch, void> {
    const { version, totalBlocks, signal } = options;
    requireOneOf("version", version, [1, 2]);
    if (this.#closed) throw this.#closed.reason;
    signal?.throwIfAborted();
    const nowMs = this.#options.clock.monotonicMs();
    const wanted = new Map<string, WantedSegment>();
    for (const [i, id] of ids.entries()) {
      const key = segmentKey(id);
      if (!this.#nobody.get(tableKey(version, key), nowMs)) {
        wanted.set(key, { id, totalBlocks: totalBlocks?.[i] });
      }
    }
    if (wanted.size === 0) return;
    const search = new Search(version, wanted);
    const onAbort = () => search.matches.fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#searches.add(search);
    this.#start(search);
    try {
      yield* search.matches;
    } finally {
      this.#searches.delete(search);
      signal?.removeEventListener("abort", onAbort);
      this.#drop(search);
    }
  }

  /** Takes answers to no open probe: late ones, and version 1.0 ones that name segments we ask for. False if it is neither. */
  onUnrelated(received: ReceivedMatch): boolean {
    if (matchFormat(received.service) === 1) {
      const found = readCountedMatch(received.service) ?? [];
      const probes = new Set(
        found.flatMap(({ id }) => this.#outstanding.get(tableKey(1, segmentKey(id))) ?? []),
      );
      for (const probe of probes) this.#onMatch(probe, received);
      if (probes.size > 0) return true;
    }
    const { clock, observer } = this.#options;
    const relatesTo = canonicalUri(received.relatesTo ?? "");
    if (!this.#closedProbes.get(relatesTo, clock.monotonicMs())) return false;
    observer.count("discoveries_total", 1, { direction: "sent", result: "late" });
    observer.event("trace", "probe.answer_late", { peer: received.from.address });
    return true;
  }

  /** Fails every search, now and later, with this reason. The probes end when the network is closed. */
  close(reason: unknown): void {
    this.#closed = { reason };
    this.#cancelPump?.();
    this.#queue.clear();
    for (const search of this.#searches) search.matches.fail(reason);
  }

  /** The peer is not told of again from memory, only when it answers anew. */
  forget(peerId: string): void {
    this.#lists.forget(canonicalUri(peerId), this.#options.clock.monotonicMs());
  }

  #start(search: Search): void {
    const { version } = search;
    const nowMs = this.#options.clock.monotonicMs();
    const joined = new Set<OutstandingProbe>();
    const listed = new Map<string, ListedPeer[]>();
    for (const [key, segment] of search.wanted) {
      const entryKey = tableKey(version, key);
      const probe = this.#outstanding.get(entryKey);
      const holders = probe ? [] : this.#lists.recall(entryKey, nowMs);
      if (probe) joined.add(probe);
      else if (holders.length > 0) listed.set(key, listedFor(holders, segment));
      else this.#queue.set(entryKey, { ...segment, version });
    }
    for (const probe of joined) for (const match of probe.matches()) search.tell(match);
    for (const match of byPeer([...listed.values()].flat())) search.tell(match);
    for (const key of listed.keys()) search.settle(key);
    this.#schedulePump(0);
  }

  /** Takes segments out of the queue that only this search wanted. */
  #drop(search: Search): void {
    if (this.#queue.size === 0) return;
    const others = [...this.#searches].filter((other) => other.version === search.version);
    for (const key of search.wanted.keys()) {
      if (!others.some((other) => other.wanted.has(key))) this.#queue.delete(tableKey(search.version, key));
    }
  }

  /** By a timer even without delay, so that segments asked for in the same turn share a probe. */
  #schedulePump(delayMs: number): void {
    if (this.#cancelPump || this.#queue.size === 0) return;
    this.#cancelPump = this.#options.clock.after(delayMs, () => {
      this.#cancelPump = undefined;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#queue.size > 0) {
      const nowMs = this.#options.clock.monotonicMs();
      const waitMs = this.#throttle.waitMs(nowMs);
      if (waitMs > 0) {
        this.#schedulePump(waitMs);
        return;
      }
      this.#throttle.started(nowMs);
      void this.#probe(this.#takeBatch(nowMs));
    }
  }

  /** A probe for the oldest segment of the queue, and as many like it as fit into one datagram. */
  #takeBatch(nowMs: number): OutstandingProbe {
    const [first] = this.#queue.values();
    const version = first?.version ?? 1;
    const idBytes = first?.id.length ?? 0;
    const hasIpv6 = this.#discovery?.links.some((link) => link.family === 6);
    const max = idsPerProbe(version, idBytes, hasIpv6 ? IPV6_PAYLOAD_BYTES : IPV4_PAYLOAD_BYTES);
    const wanted = new Map<string, WantedSegment>();
    for (const [entryKey, segment] of this.#queue) {
      if (segment.version !== version || segment.id.length !== idBytes) continue;
      if (wanted.size === max) break;
      this.#queue.delete(entryKey);
      wanted.set(segmentKey(segment.id), segment);
    }
    const probe = new OutstandingProbe(version, wanted, nowMs);
    for (const key of wanted.keys()) this.#outstanding.set(tableKey(version, key), probe);
    return probe;
  }

  async #probe(probe: OutstandingProbe): Promise<void> {
    const { clock, observer, waitMs, backoffMs } = this.#options;
    let sent = false;
    try {
      const matches = this.#discovery?.probe(peerProbe(probe.version, probe.ids), {
        timeoutMs: waitMs,
        answerWithinMs: backoffMs,
        prefixes: PREFIXES,
        onStart: (messageId) => {
          sent = (this.#discovery?.links.length ?? 0) > 0;
          this.#closedProbes.set(canonicalUri(messageId), true, clock.monotonicMs());
          observer.event("trace", "probe.sent", { segments: probe.wanted.size, version: probe.version });
        },
      });
      for await (const match of matches ?? []) this.#onMatch(probe, match);
    } catch {
      // The network was closed; `close` has failed the searches.
      sent = false;
    }
    this.#finish(probe, sent);
  }

  #finish(probe: OutstandingProbe, sent: boolean): void {
    const { clock, observer, republication } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const [key, { id }] of probe.wanted) {
      const entryKey = tableKey(probe.version, key);
      this.#outstanding.delete(entryKey);
      if (sent) {
        const holders = probe.holdersOf(key);
        const complete = holders.filter(({ segment }) => segment.complete).length;
        republication.remember(id, { peers: holders.length, complete }, nowMs);
        if (holders.length === 0) this.#nobody.set(entryKey, true, nowMs);
        else this.#lists.remember(entryKey, holders, nowMs);
      }
      for (const search of this.#searches) if (search.version === probe.version) search.settle(key);
    }
    observer.count("discoveries_total", 1, {
      direction: "sent",
      result: probe.answered ? "found" : "none",
    });
    if (!probe.answered) observer.event("trace", "probe.unanswered", { segments: probe.wanted.size });
  }

  #onMatch(probe: OutstandingProbe, received: ReceivedMatch): void {
    const { clock, observer } = this.#options;
    const answer = this.#readAnswer(probe, received);
    if (typeof answer === "string") {
      observer.count("datagrams_dropped_total", 1, { reason: answer });
      return;
    }
    const { peerId, addresses, found } = answer;
    const wasAnswered = probe.answered;
    const match = probe.merge(peerId, addresses, found);
    if (!match) return;
    if (!wasAnswered) observer.measure("discovery_seconds", (clock.monotonicMs() - probe.startedMs) / 1_000);
    observer.event("trace", "probe.answer_received", {
      peer: received.from.address,
      segments: match.segments.length,
    });
    for (const search of this.#searches) if (search.version === probe.version) search.tell(match);
  }

  /** The answer to the probe, or the reason to drop it. */
  #readAnswer(probe: OutstandingProbe, { service, from, link }: ReceivedMatch): Answer | string {
    const peerId = canonicalUri(service.address);
    if (peerId === this.#options.endpointId) return "own";
    if (matchFormat(service) !== probe.version) return "foreign";
    const found = probe.version === 1 ? readCountedMatch(service) : readAgedMatch(service, probe.ids);
    if (!found) return "malformed";
    const links = this.#discovery?.links ?? [];
    const addresses = link ? usableAddresses(service.xAddrs ?? [], from, link, links) : [];
    return addresses.length === 0 ? "off_link" : { peerId, addresses, found };
  }
}

/** The holders of a segment, by the identifier and the block count of this caller. */
function listedFor(holders: readonly ListedPeer[], wanted: WantedSegment): ListedPeer[] {
  return holders.map(({ peer, segment }) => {
    const { heldBlocks } = segment;
    const complete = heldBlocks === undefined ? segment.complete : hasAllBlocks(heldBlocks, wanted);
    return { peer, segment: { ...segment, id: wanted.id, complete } };
  });
}

function byPeer(listed: readonly ListedPeer[]): PeerMatch[] {
  const matches = new Map<string, { peer: DiscoveredPeer; segments: FoundSegment[] }>();
  for (const { peer, segment } of listed) {
    const match = matches.get(peer.id) ?? { peer, segments: [] };
    match.segments.push(segment);
    matches.set(peer.id, match);
  }
  return [...matches.values()];
}

function tableKey(version: 1 | 2, key: string): string {
  return `${version} ${key}`;
}
