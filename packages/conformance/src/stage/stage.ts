/**
 * The stage on which a client is tested: an origin, peers and the discovery of one link, all of them played by the
 * kit. A scene is one download of new content, which no cache of the client has.
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { blockCount } from "@branchcache/content-info";
import {
  type Clock,
  type Endpoint,
  equalBytes,
  errorMessage,
  formatEndpoint,
  type Random,
  toHex,
  withoutZone,
} from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";
import { newUuidUrn } from "dgram-ws-discovery";
import { type Announcer, openAnnouncer, type TimedAnswer } from "./announcer.ts";
import { type ContentVersion, makeContent, type StageContent, segmentById } from "./content.ts";
import {
  type Certificate,
  honestReply,
  type Origin,
  type OriginReply,
  type OriginRequest,
  openOrigin,
} from "./origin.ts";
import { openPeer, type PeerScript, type StagePeer, type StagePeerOptions } from "./peer.ts";
import type { SeenProbe } from "./probe.ts";
import { type MatchChanges, type MatchSource, probeMatch } from "./probe-match.ts";

/** Downloads the URL as a user of the client would, and gives its bytes; rejects where the client fails. */
export type FetchUrl = (url: string, signal: AbortSignal) => Promise<Uint8Array>;

/** The client under test, and the addresses that the stage takes for its origin, peers and discovery. */
export interface StageOptions {
  /** Makes the client under test download a URL. */
  readonly fetch: FetchUrl;
  /** Where the origin listens; peers take free ports of the same address, and probes are heard on its interface. */
  readonly listen: Endpoint;
  /** Default 3702; 0 picks a free one, for a client that can be told which. */
  readonly discoveryPort?: number;
  /** Where the kit takes offers of version 1.0 as a hosted cache, by TLS; the client has to trust the certificate. */
  readonly offers?: {
    readonly listen: Endpoint;
    readonly certificate: Certificate;
    /** The client has credentials for SPNEGO, and so has to answer a 401 with a token. Default false. */
    readonly expectsToken?: boolean;
  };
  /** For delays of the kit, and its patience. */
  readonly clock: Clock;
  /** Makes the content of the scenes, but not its keys: two runs share no segment. */
  readonly random: Random;
  /** How long one download may take. Default 60,000. */
  readonly timeoutMs?: number;
  /** How long after a download a client may take for what it does in the background, such as offers. Default 2,000. */
  readonly backgroundMs?: number;
}

/** A probe for segments of the scene, and what it can be answered with. */
export interface Announcement {
  readonly probe: SeenProbe;
  readonly peers: readonly StagePeer[];
  /** A port of the address of the peers where nobody listens. */
  readonly closedPort: number;
  /** The honest answer of a peer, or one with changes. */
  match(peer: StagePeer, changes?: MatchChanges): Uint8Array;
}

/** How origin, peers and discovery behave during one download; what is left out is honest. */
export interface Scene {
  /** The highest version of Content Information that the origin knows. Default 1. */
  readonly version?: ContentVersion;
  /** Default six blocks, the last of them of an odd length. */
  readonly lengthBytes?: number;
  /** Default one honest peer that holds everything. */
  readonly peers?: readonly PeerScript[];
  /** The origin's answer to a GET or HEAD; undefined for the honest one. */
  readonly origin?: (request: OriginRequest, content: StageContent) => OriginReply | undefined;
  /** Whether all has come that the client may still send after the download. Default: nothing is waited for. */
  readonly awaited?: (requests: readonly OriginRequest[]) => boolean;
  /** The answer to a POST to the origin's port, where hosted caches listen; undefined for 404. */
  readonly post?: (request: OriginRequest, body: Uint8Array) => Promise<OriginReply> | undefined;
  /** Datagrams in answer to a probe. Default: the honest match of every peer, at once. */
  readonly answers?: (announcement: Announcement) => readonly TimedAnswer[];
}

/** One POST to the origin's port: an offer, where the stage plays a hosted cache. */
export interface Posted {
  readonly request: OriginRequest;
  readonly body: Uint8Array;
}

/** What was seen during one scene, on both sides. */
export interface Played {
  readonly content: StageContent;
  readonly version: ContentVersion;
  readonly url: string;
  /** What `fetch` resolved with, or why it rejected. */
  readonly result:
    | { readonly ok: true; readonly bytes: Uint8Array }
    | { readonly ok: false; readonly reason: string };
  /** `result` is the content, byte for byte. */
  readonly right: boolean;
  readonly peers: readonly StagePeer[];
  readonly originRequests: readonly OriginRequest[];
  readonly posts: readonly Posted[];
  readonly probes: readonly SeenProbe[];
  /** Connections that the client reset at the origin. */
  readonly originResets: number;
}

/** An origin, peers and a link, on which scenes are played one at a time. */
export interface Stage extends AsyncDisposable {
  /** Where the origin listens. */
  readonly endpoint: Endpoint;
  /** Where offers of version 1.0 go; undefined where there is no place for them. */
  readonly offers: Endpoint | undefined;
  /** Whether the client was said to have credentials for that place. */
  readonly expectsToken: boolean;
  /** Does the work while the place for offers of version 1.0 shows a certificate that nobody trusts. */
  asStranger<T>(work: () => Promise<T>): Promise<T>;
  /** UDP port where probes are heard. */
  readonly discoveryPort: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the segment is one of an earlier scene: a client may still be busy with it. */
  isPast(segmentId: Uint8Array): boolean;
  /** Requests at the origin for anything but the content of a scene, so far. */
  readonly strayRequests: number;
  /** One download of new content. Resolves whether it succeeds or fails: `Played.result` tells. */
  play(scene?: Scene): Promise<Played>;
}

/** Five blocks of 64 KiB and one that ends on an odd byte. */
const SCENE_BYTES = 5 * 65_536 + 1_001;

/** The scene that is on. */
interface OnStage {
  readonly scene: Scene;
  readonly content: StageContent;
  readonly version: ContentVersion;
  readonly path: string;
  readonly peers: readonly StagePeer[];
  readonly peerAddresses: readonly string[];
  readonly originRequests: OriginRequest[];
  readonly posts: Posted[];
  readonly probes: SeenProbe[];
}

/** Listens until disposed of. Rejects where an address or port cannot be had. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { backgroundMs = 2_000, clock, discoveryPort, fetch, listen, random, timeoutMs = 60_000 } = options;
  let on: OnStage | undefined;
  /** The scene before: what a client posts late, between two scenes, is answered as in it, but not noted. */
  let last: OnStage | undefined;
  let onOrigin: (() => void) | undefined;
  const pastSegments = new Set<string>();
  let scenes = 0;
  let strayRequests = 0;
  let messageNumber = 0;

  const takePost = async (request: OriginRequest, body: Uint8Array): Promise<OriginReply | undefined> => {
    const reply = (on ?? last)?.scene.post?.(request, body);
    if (!reply) strayRequests++;
    else if (on) {
      on.posts.push({ request, body });
      onOrigin?.();
    }
    return reply;
  };
  const answerOrigin = (request: OriginRequest): OriginReply | undefined => {
    if (!on || request.path !== on.path) {
      strayRequests++;
      return undefined;
    }
    on.originRequests.push(request);
    onOrigin?.();
    return on.scene.origin?.(request, on.content) ?? honestReply(request, on.content, on.version);
  };
  const answerProbe = (probe: SeenProbe): readonly TimedAnswer[] => {
    const now = on;
    if (!now) return [];
    const isOurs = probe.ids.some((id) => segmentById(now.content, id));
    // Repeats of what an earlier scene asked for.
    if (probe.ids.some((id) => pastSegments.has(toHex(id)))) return [];
    // The link may have others that probe; the client is known by its requests to the origin.
    if (isOurs || now.originRequests.some(({ from }) => from.address === probe.from.address)) {
      now.probes.push(probe);
    }
    if (!isOurs) return [];
    const announcement: Announcement = {
      probe,
      peers: now.peers,
      closedPort,
      match: (peer, changes) => probeMatch(matchSource(now, probe, peer), changes),
    };
    if (now.scene.answers) return now.scene.answers(announcement);
    return now.peers.map((peer) => ({ afterMs: 0, datagram: announcement.match(peer) }));
  };
  const matchSource = (now: OnStage, probe: SeenProbe, peer: StagePeer): MatchSource => ({
    probe,
    peer: { ...peer.endpoint, address: withoutZone(peer.endpoint.address) },
    address: now.peerAddresses[now.peers.indexOf(peer)] ?? "",
    random,
    messageNumber: ++messageNumber,
    holdings: probe.ids.map((id) => {
      const segment = segmentById(now.content, id);
      const totalBlocks = segment ? blockCount(segment) : 0;
      const { holds = () => true } = peer.script;
      const heldBlocks = segment
        ? Array.from({ length: totalBlocks }, (_, index) => index).filter((index) => holds(segment, index))
            .length
        : 0;
      return { heldBlocks, totalBlocks };
    }),
  });

  const closedPort = await findClosedPort(listen.address);
  const origin: Origin = await openOrigin({
    listen,
    answer: answerOrigin,
    post: takePost,
  });
  const offers =
    options.offers &&
    (await openOrigin({
      listen: options.offers.listen,
      tls: options.offers.certificate,
      answer: () => undefined,
      post: takePost,
    }).catch(async (error) => {
      await origin[Symbol.asyncDispose]();
      throw error;
    }));
  let announcer: Announcer;
  try {
    announcer = await openAnnouncer({
      address: listen.address,
      clock,
      answer: answerProbe,
      ...(discoveryPort !== undefined && { port: discoveryPort }),
    });
  } catch (error) {
    await offers?.[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    throw error;
  }

  const download = async (url: string): Promise<Played["result"]> => {
    using deadline = clock.deadline(timeoutMs);
    try {
      return { ok: true, bytes: await fetch(url, deadline.signal) };
    } catch (error) {
      return { ok: false, reason: errorMessage(error) };
    }
  };

  /** Waits for what the client sends in the background, after the download. */
  const untilDone = async ({ scene, originRequests }: OnStage): Promise<void> => {
    const { awaited } = scene;
    if (!awaited || awaited(originRequests)) return;
    const came = new AbortController();
    onOrigin = () => {
      if (awaited(originRequests)) came.abort();
    };
    await clock.sleep(backgroundMs, came.signal).catch(() => {});
    onOrigin = undefined;
  };

  return {
    endpoint: origin.endpoint,
    offers: offers?.endpoint,
    expectsToken: options.offers?.expectsToken ?? false,
    isPast: (segmentId) => pastSegments.has(toHex(segmentId)),
    async asStranger(work) {
      if (!offers || !options.offers) throw new Error("no place for offers of version 1.0");
      offers.useCertificate(await strangersCertificate());
      try {
        return await work();
      } finally {
        offers.useCertificate(options.offers.certificate);
      }
    },
    discoveryPort: announcer.port,
    clock,
    random,
    get strayRequests() {
      return strayRequests;
    },
    async play(scene = {}) {
      const content = makeContent(random, scene.lengthBytes ?? SCENE_BYTES);
      const version = scene.version ?? 1;
      const path = `/conformance-${++scenes}-${toHex(systemRandom.bytes(4))}.bin`;
      const url = `http://${formatEndpoint(origin.endpoint)}${path}`;
      const resetsBefore = origin.resets;
      const scripts = scene.peers ?? [{}];
      const peers = await openPeers(scripts, { address: listen.address, clock, content, random });
      try {
        const now: OnStage = {
          scene,
          content,
          version,
          path,
          peers,
          peerAddresses: peers.map(() => newUuidUrn(systemRandom)),
          originRequests: [],
          posts: [],
          probes: [],
        };
        on = now;
        const result = await download(url);
        await untilDone(now);
        const { originRequests, posts, probes } = now;
        return {
          content,
          version,
          url,
          result,
          right: result.ok && equalBytes(result.bytes, content.bytes),
          peers,
          originRequests,
          posts,
          probes,
          originResets: origin.resets - resetsBefore,
        };
      } finally {
        last = on;
        on = undefined;
        for (const { id } of [...content.segments[1], ...content.segments[2]]) pastSegments.add(toHex(id));
        await closePeers(peers);
      }
    },
    async [Symbol.asyncDispose]() {
      await announcer[Symbol.asyncDispose]();
      await offers?.[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** Signed by nobody but itself. */
async function strangersCertificate(): Promise<Certificate> {
  const { generate } = await import("selfsigned");
  const made = await generate([{ name: "commonName", value: "stranger" }], { keyType: "ec" });
  return { cert: made.cert, key: made.private };
}

async function openPeers(scripts: readonly PeerScript[], options: StagePeerOptions): Promise<StagePeer[]> {
  const peers: StagePeer[] = [];
  try {
    for (const script of scripts) peers.push(await openPeer(script, options));
  } catch (error) {
    await closePeers(peers);
    throw error;
  }
  return peers;
}

async function closePeers(peers: readonly StagePeer[]): Promise<void> {
  for (const peer of peers) await peer[Symbol.asyncDispose]();
}

/** One that was free a moment ago. */
async function findClosedPort(address: string): Promise<number> {
  const listener = createServer();
  listener.listen(0, address);
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  await new Promise<void>((resolve) => listener.close(() => resolve()));
  return port;
}
