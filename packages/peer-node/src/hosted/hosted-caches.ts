/**
 * The hosted caches that a node uses: which of them answer, who holds what, and what is offered to whom.
 * Offers are a favour to others: they wait in queues of their own and never hold up a download.
 */
import type { Segment } from "@branchcache/content-info";
import {
  CONTENT_TAG_BYTES,
  createOfferClient,
  type OfferClient,
  type OfferFailure,
  OfferSteps,
  type OfferVersion,
  type SpnegoInitiator,
} from "@branchcache/hosted-cache";
import { nodeOfferTransport } from "@branchcache/hosted-cache/node";
import {
  type FoundPeer,
  MAX_SEGMENT_IDS,
  type PeerFinder,
  type PeerSource,
  RetrievalClient,
} from "@branchcache/retrieval";
import { type Clock, fromHex, type HttpPort, type Observer, type Random } from "@branchcache/runtime";
import type { HostedCacheAddress } from "./srv.ts";

/** Which hosted caches a node asks, and how it offers them what it has. [MS-PCHC] 3.2 */
export interface HostedClientOptions {
  /** Of those that answer, all of the lowest `priority` are asked at once; one of them is offered each segment. */
  readonly servers: readonly HostedCacheAddress[];
  /** 2 offers over HTTP, 1 over HTTPS, as Windows 7 does. Default 2. */
  readonly offerVersion?: OfferVersion;
  /** Where version 1.0 offers go. Default 443. */
  readonly httpsPort?: number;
  /** PEM of the certificates to trust instead of the system's, and of this client's own. Version 1.0 only. */
  readonly tls?: {
    readonly ca?: string | Uint8Array;
    readonly cert?: string | Uint8Array;
    readonly key?: string | Uint8Array;
  };
  /** Percents of a segment's blocks at which it is offered. Default 20, 40, 60, 80, 100. */
  readonly offerSteps?: readonly number[];
  /** Ask the link as well, for what no hosted cache has or gives. Default false. [MS-PCCRD] */
  readonly alsoPeers?: boolean;
  /** Proof of identity for caches that ask for one. */
  readonly spnego?: (host: string) => SpnegoInitiator;
}

export interface HostedCachesOptions extends Omit<HostedClientOptions, "servers"> {
  /** Where this node serves blocks; without it nothing is offered. */
  readonly servingPort: number | undefined;
  readonly http: HttpPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly requestTimeoutMs?: number;
}

/** One of the hosted caches that are used. */
export interface HostedCacheState {
  readonly address: HostedCacheAddress;
  /** False while it is left alone, since it did not answer lately. */
  readonly answers: boolean;
  /** Segments that wait to be offered to it. */
  readonly queuedOffers: number;
}

interface Server {
  readonly address: HostedCacheAddress;
  readonly peer: PeerSource;
  readonly questions: RetrievalClient;
  readonly offers: OfferClient | undefined;
  /** Of questions and offers, one after another. */
  failures: number;
  downUntilMs: number;
  /** It knows no MSG_GETSEGLIST, as Windows Server 2008 R2. */
  isOld: boolean;
}

/** How long a cache that does not answer is left alone, doubled each time. */
const FIRST_REST_MS = 5_000;
const LONGEST_REST_MS = 300_000;

export class HostedCaches implements PeerFinder {
  readonly #options: HostedCachesOptions;
  readonly #steps: OfferSteps;
  #servers: readonly Server[] = [];

  constructor(options: HostedCachesOptions) {
    this.#options = options;
    this.#steps = new OfferSteps(options.offerSteps);
  }

  get states(): readonly HostedCacheState[] {
    const nowMs = this.#options.clock.monotonicMs();
    return this.#servers.map(({ address, downUntilMs, offers }) => ({
      address,
      answers: downUntilMs <= nowMs,
      queuedOffers: offers?.queued ?? 0,
    }));
  }

  /** From now on these; what is known of those that stay is kept. */
  use(addresses: readonly HostedCacheAddress[]): void {
    const before = new Map(this.#servers.map((server) => [server.peer.id, server]));
    this.#servers = addresses.map((address) => {
      const id = `hosted ${address.host}:${address.port}`;
      const known = before.get(id);
      before.delete(id);
      return known ?? this.#open(id, address);
    });
    for (const gone of before.values()) closeServer(gone);
    this.#options.observer.event("debug", "hosted.servers_changed", {
      servers: addresses.map(({ host, port }) => `${host}:${port}`).join(", "),
    });
  }

  /** Asks all that answer about all segments at once; each is told of as soon as it has answered. */
  async *find(segments: readonly Segment[], signal: AbortSignal): AsyncGenerator<FoundPeer, void, undefined> {
    const asked = this.#healthy().map((server) => this.#ask(server, segments, signal));
    const waiting = new Map(asked.map((question, i) => [i, question.then((found) => ({ i, found }))]));
    while (waiting.size > 0) {
      const { found, i } = await Promise.race(waiting.values());
      waiting.delete(i);
      if (found) yield found;
    }
  }

  /**
   * One new block is kept here, under this tag, that did not come from a hosted cache. Returns at once, and never
   * throws. A tag of 16 bytes in hexadecimal digits goes along with the offer; any other is a name of this store.
   */
  kept(segment: Segment, blockIndex: number, tag?: string): void {
    if (this.#options.servingPort === undefined || this.#servers.length === 0) return;
    if (!this.#steps.note(segment, blockIndex)) return;
    this.#chosenFor(segment)?.offers?.offer(segment, tag === undefined ? undefined : contentTagOf(tag));
  }

  close(): void {
    for (const server of this.#servers) closeServer(server);
    this.#servers = [];
  }

  #open(id: string, address: HostedCacheAddress): Server {
    const {
      clock,
      http,
      httpsPort = 443,
      observer,
      offerVersion: version = 2,
      random,
      requestTimeoutMs,
    } = this.#options;
    const { servingPort, spnego, tls } = this.#options;
    const { host, port } = address;
    const addresses = [{ address: host, port }];
    const server: Server = {
      address,
      peer: { id, addresses, kind: "hosted" },
      questions: new RetrievalClient({
        addresses,
        http,
        clock,
        random,
        kind: "hosted",
        ...(requestTimeoutMs === undefined ? {} : { timeoutMs: requestTimeoutMs }),
      }),
      offers:
        servingPort === undefined
          ? undefined
          : createOfferClient({
              name: `${host}:${version === 1 ? httpsPort : port}`,
              version,
              transport: nodeOfferTransport({
                ...tls,
                version,
                host,
                port: version === 1 ? httpsPort : port,
              }),
              servingPort,
              clock,
              observer,
              ...(spnego ? { spnego: () => spnego(host) } : {}),
              onOutcome: (failure) => this.#noteOffer(server, failure),
            }),
      failures: 0,
      downUntilMs: Number.NEGATIVE_INFINITY,
      isOld: false,
    };
    return server;
  }

  /** Those that answer, of the best priority that has any; all of it when none does, since one has to be tried. */
  #healthy(): readonly Server[] {
    const nowMs = this.#options.clock.monotonicMs();
    const up = this.#servers.filter(({ downUntilMs }) => downUntilMs <= nowMs);
    const priorityOf = ({ address: { priority = 0 } }: Server): number => priority;
    const best = Math.min(...up.map(priorityOf));
    return up.filter((server) => priorityOf(server) === best);
  }

  /** The same cache for the same segment on every client, so that each cache gets its share of what is offered. */
  #chosenFor({ id }: Segment): Server | undefined {
    let chosen: Server | undefined;
    let highest = -1;
    for (const server of this.#healthy()) {
      const score = mix(id, server.peer.id);
      if (score <= highest) continue;
      highest = score;
      chosen = server;
    }
    return chosen;
  }

  async #ask(
    server: Server,
    segments: readonly Segment[],
    signal: AbortSignal,
  ): Promise<FoundPeer | undefined> {
    const { peer, questions } = server;
    // It is asked block by block.
    if (server.isOld) return { peer, segments: [] };
    const held: FoundPeer["segments"][number][] = [];
    for (let at = 0; at < segments.length; at += MAX_SEGMENT_IDS) {
      const batch = segments.slice(at, at + MAX_SEGMENT_IDS);
      const answer = await questions.getSegmentList(
        batch.map(({ id }) => id),
        signal,
      );
      if (answer.kind === "failed") {
        if (["status", "malformed", "version", "mismatch"].includes(answer.reason)) {
          server.isOld = true;
          return { peer, segments: [] };
        }
        this.#noteFailure(server, answer.reason);
        return undefined;
      }
      for (const index of answer.held) {
        const segment = batch[index];
        if (segment) held.push({ id: segment.id, complete: false });
      }
    }
    server.failures = 0;
    return held.length > 0 ? { peer, segments: held } : undefined;
  }

  #noteOffer(server: Server, failure: OfferFailure | undefined): void {
    if (failure === undefined) server.failures = 0;
    // Whoever refuses offers may still give blocks.
    else if (failure === "connect" || failure === "timeout") this.#noteFailure(server, failure);
  }

  #noteFailure(server: Server, reason: string): void {
    const { clock, observer } = this.#options;
    const restMs = Math.min(FIRST_REST_MS * 2 ** server.failures, LONGEST_REST_MS);
    server.failures++;
    server.downUntilMs = clock.monotonicMs() + restMs;
    observer.event("warn", "hosted.request_failed", { server: server.peer.id, reason, rest_ms: restMs });
  }
}

function closeServer({ offers, questions }: Server): void {
  offers?.close();
  questions.close();
}

/** Undefined for what cannot travel, such as a name: the offer then says that it came over HTTP. [MS-PCHC] 2.2.1.4 */
function contentTagOf(tag: string): Uint8Array | undefined {
  const bytes = fromHex(tag);
  return bytes?.length === CONTENT_TAG_BYTES ? bytes : undefined;
}

/** A number from 0 to 2^32 - 1 that depends on every byte of both (FNV-1a). */
function mix(id: Uint8Array, name: string): number {
  let hash = 0x811c9dc5;
  const add = (byte: number): void => {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  };
  for (let i = 0; i < name.length; i++) add(name.charCodeAt(i) & 0xff);
  for (const byte of id) add(byte);
  // The last bytes would else decide little more than the low bits.
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 0;
  return (hash ^ (hash >>> 13)) >>> 0;
}
