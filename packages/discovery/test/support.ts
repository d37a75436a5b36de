import { createHash } from "node:crypto";
import type { SegmentId } from "@branchcache/content-info";
import { toHex, type UdpPort } from "@branchcache/runtime";
import {
  type ManualClock,
  manualClock,
  type RecordingObserver,
  recordingObserver,
  type SimulatedLanOptions,
  seededRandom,
  simulatedLan,
} from "@branchcache/runtime/testing";
import type { ServiceDescription } from "dgram-ws-discovery";
import { afterEach, beforeEach, expect } from "vitest";
import {
  type HeldSegment,
  type HeldSegments,
  type PeerDiscovery,
  type PeerDiscoveryOptions,
  type PeerMatch,
  type ServeOptions,
  startPeerDiscovery,
} from "../src/index.ts";
import { answerTemplate, answerTexts } from "../src/messages/match.ts";
import type { PeerProbe } from "../src/messages/probe.ts";

export const sha256 = (data: string | Uint8Array): Uint8Array =>
  new Uint8Array(createHash("sha256").update(data).digest());

/** The segments of the worked examples. */
export const A: SegmentId = sha256("segment A");
export const B: SegmentId = sha256("segment B");
export const C: SegmentId = sha256("segment C");

/** A cache that a test fills by hand. */
export class HandCache implements HeldSegments {
  readonly segments = new Map<string, HeldSegment>();
  asked = 0;

  add(id: Uint8Array, heldBlocks: number, totalBlocks = heldBlocks, createdMs = 0): this {
    this.segments.set(toHex(id), { heldBlocks, totalBlocks, createdMs });
    return this;
  }

  async holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]> {
    this.asked++;
    return ids.map((id) => this.segments.get(toHex(id)));
  }
}

export interface Site {
  readonly clock: ManualClock;
  readonly lan: ReturnType<typeof simulatedLan>;
  /** A host with discovery on it. Closed at the end of the test. */
  host(
    addresses: string | readonly string[],
    options?: Partial<PeerDiscoveryOptions> & { readonly cache?: HandCache },
  ): Promise<Host>;
  close(): Promise<void>;
}

interface Host {
  readonly discovery: PeerDiscovery;
  readonly observer: RecordingObserver;
  readonly port: UdpPort;
}

export function site(lanOptions: Partial<SimulatedLanOptions> = {}): Site {
  const clock = manualClock();
  const lan = simulatedLan({ clock, random: seededRandom(1), ...lanOptions });
  const open: PeerDiscovery[] = [];
  let seed = 100;
  return {
    clock,
    lan,
    async host(addresses, { cache, ...options } = {}) {
      const port = lan.host(...(typeof addresses === "string" ? [addresses] : addresses));
      const observer = recordingObserver();
      const serve: ServeOptions | undefined = cache && { held: cache, retrievalPort: 8080 };
      const discovery = await startPeerDiscovery({
        clock,
        random: seededRandom(seed++),
        udp: port,
        observer,
        interfaceRefreshMs: 0,
        ...(serve && { serve }),
        ...options,
      });
      open.push(discovery);
      return { discovery, observer, port };
    },
    async close() {
      await Promise.all(open.map((discovery) => discovery.close()));
      await clock.settle();
    },
  };
}

/** A site for each test, at whose end nothing may wait any more. */
export function siteForEach(set: (fresh: Site) => void): void {
  let fresh: Site;
  beforeEach(() => {
    fresh = site();
    set(fresh);
  });
  afterEach(async () => {
    await fresh.close();
    expect(fresh.clock.pending).toBe(0);
  });
}

/** The match that an answer tells; undefined if nothing is held. */
export function peerMatch(source: {
  readonly address: string;
  readonly xAddrs: readonly string[];
  readonly probe: PeerProbe;
  readonly held: readonly (HeldSegment | undefined)[];
  readonly wallMs: number;
}): ServiceDescription | undefined {
  const { address, xAddrs, probe, held, wallMs } = source;
  const texts = answerTexts(probe, held, wallMs);
  return texts && answerTemplate(probe.version, address, xAddrs).describe(texts);
}

/** Everything that `find` yields, gathered while the clock moves on. */
export function gather(matches: AsyncIterable<PeerMatch>): {
  readonly found: PeerMatch[];
  readonly done: Promise<void>;
  readonly state: { ended: boolean; error?: unknown };
} {
  const found: PeerMatch[] = [];
  const state: { ended: boolean; error?: unknown } = { ended: false };
  const done = (async () => {
    try {
      for await (const match of matches) found.push(match);
    } catch (error) {
      state.error = error;
    }
    state.ended = true;
  })();
  return { found, done, state };
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const utf8 = (string: string): Uint8Array => new TextEncoder().encode(string);
