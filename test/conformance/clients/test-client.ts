/** Our own client in this process, on loopback: as it is, or with one thing changed. */
import { createMemoryStore } from "@branchcache/cache-store";
import { type ClientTarget, clientTarget, openStage, seededRandom } from "@branchcache/conformance";
import { type OriginClient, originClient } from "@branchcache/http-encoding/node";
import { type BranchCache, download, type PeerNodeOptions, startPeerNode } from "@branchcache/peer-node";
import { nodeHttpPort } from "@branchcache/retrieval/node";
import { type Clock, type HttpPort, makeClock, type UdpPort } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { memorySink } from "../../support/branch-node.ts";
import certificates from "../../support/certificates.json" with { type: "json" };
import { type Asked, type Fault, mutantOf } from "../support/mutant.ts";

/** What is wrong with a client; each wraps the real thing. */
export interface Mutation {
  readonly http?: (real: HttpPort) => HttpPort;
  readonly udp?: (real: UdpPort) => UdpPort;
  /** What leaves for the origin; an empty value leaves a field out. */
  readonly fields?: (asked: Asked["headers"]) => Readonly<Record<string, string>>;
  readonly origin?: (real: OriginClient) => OriginClient;
  readonly branchCache?: (real: BranchCache) => BranchCache;
  readonly node?: Partial<PeerNodeOptions>;
  /** Uses the kit as its hosted cache; changes what leaves for it. */
  readonly hosted?: (asked: Asked) => Asked;
  /** As `hosted`, and makes an answer of what comes. */
  readonly hostedInstead?: Fault["instead"];
  /** The same with offers of version 1.0; undefined changes nothing, and leaves nobody between. */
  readonly hostedFirst?: {
    readonly change?: (asked: Asked) => Asked;
    /** Sends, and makes an answer of what comes. */
    readonly instead?: Fault["instead"];
    readonly trustsAnybody?: boolean;
    /** The kit is told that the client has credentials; it has them unless `withoutToken`. */
    readonly expectsToken?: boolean;
    readonly withoutToken?: boolean;
  };
  /** Takes any bytes for a block; for the test to bring about. */
  readonly credulous?: boolean;
  /** Of the kit. Default 20,000. */
  readonly patienceMs?: number;
}

/** Stands for what Kerberos or NTLM would make: the kit looks at no token. */
const TOKEN = Uint8Array.of(0x60, 0x00);

/** Turns of the event loop from a probe to the answer to it. */
const TURNS = 6;

/**
 * A timer that is late, because the machine is busy, lets first in what lies ready at the sockets: kit and
 * client are in one process, so an answer that was sent is there.
 */
const patientClock: Clock = makeClock({
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs(),
  after(ms, fn) {
    let cancelled = false;
    const turn = (left: number): void => {
      if (cancelled) return;
      if (left === 0) fn();
      else setImmediate(turn, left - 1);
    };
    const cancel = systemClock.after(ms, () => turn(TURNS));
    return () => {
      cancelled = true;
      cancel();
    };
  },
});

export interface TestClient extends AsyncDisposable {
  readonly target: ClientTarget;
}

/** A kit with a client that it starts by a function call. Impatient with silence, so that tests are quick. */
export async function testClient(mutation: Mutation = {}): Promise<TestClient> {
  const same = <T>(real: T): T => real;
  const origin = (mutation.origin ?? same)(originClient({ clock: systemClock }));
  const stage = await openStage({
    listen: { address: "127.0.0.1", port: 0 },
    discoveryPort: 0,
    clock: patientClock,
    random: seededRandom(1),
    timeoutMs: mutation.patienceMs ?? 20_000,
    // Offers of version 2.0 wait half a second for company; everything else is sent at once.
    backgroundMs: mutation.hosted || mutation.hostedInstead ? 2_000 : 1_000,
    ...(mutation.hostedFirst && {
      offers: {
        listen: { address: "127.0.0.1", port: 0 },
        certificate: certificates.server,
        expectsToken: mutation.hostedFirst.expectsToken ?? false,
      },
    }),
    fetch: async (url, signal) => {
      const sink = memorySink();
      await download({
        url: between ? throughProxy(url, between.server.port) : url,
        origin,
        branchCache,
        sink,
        clock: systemClock,
        signal,
      });
      return sink.content();
    },
  });
  const { fields } = mutation;
  const between = fields && (await mutantOf(stage.endpoint, { asked: (asked) => changed(asked, fields) }));
  const { hosted, hostedInstead } = mutation;
  const cache =
    hosted || hostedInstead
      ? await mutantOf(stage.endpoint, {
          asked: hosted ?? same,
          ...(hostedInstead && { instead: hostedInstead }),
        })
      : undefined;
  const { change, expectsToken, instead, trustsAnybody = false, withoutToken } = mutation.hostedFirst ?? {};
  const firstOffers = stage.offers ?? stage.endpoint;
  const inFront =
    change || instead || trustsAnybody
      ? await mutantOf(
          firstOffers,
          { asked: change ?? same, ...(instead && { instead }) },
          certificates.server,
        )
      : undefined;
  const store = createMemoryStore({ limitBytes: 64 * 1_048_576, clock: systemClock });
  const node = await startPeerNode({
    store,
    clock: patientClock,
    mode: "distributed",
    interfaces: ["127.0.0.1"],
    retrieval: { requestTimeoutMs: 400, maxTimeouts: 1, blockTimeoutMs: 1_000 },
    http: (mutation.http ?? same)(nodeHttpPort()),
    udp: (mutation.udp ?? same<UdpPort>)(nodeDatagramPort),
    ...(cache && {
      mode: "hosted-client",
      listen: { host: "127.0.0.1", port: 0 },
      hostedClient: { servers: [{ host: "127.0.0.1", port: cache.server.port, priority: 0 }] },
    }),
    ...(mutation.hostedFirst && {
      mode: "hosted-client",
      listen: { host: "127.0.0.1", port: 0 },
      hostedClient: {
        servers: [{ host: "127.0.0.1", port: stage.endpoint.port, priority: 0 }],
        offerVersion: 1,
        httpsPort: (inFront?.server ?? firstOffers).port,
        tls: { ca: certificates.ca.cert },
        ...(expectsToken && !withoutToken && { spnego: () => ({ next: async () => TOKEN }) }),
      },
    }),
    ...mutation.node,
    discovery: { waitMs: 200, ...mutation.node?.discovery, port: stage.discoveryPort },
  });
  const branchCache = (mutation.branchCache ?? same<BranchCache>)(node);
  return {
    target: clientTarget(stage),
    async [Symbol.asyncDispose]() {
      // The client first: whoever stands between would lose its answers.
      await node.close();
      await origin.close();
      await store.close();
      await cache?.[Symbol.asyncDispose]();
      await inFront?.[Symbol.asyncDispose]();
      await between?.[Symbol.asyncDispose]();
      await stage[Symbol.asyncDispose]();
    },
  };
}

function throughProxy(url: string, port: number): string {
  const through = new URL(url);
  through.port = String(port);
  return through.href;
}

function changed(asked: Asked, fields: NonNullable<Mutation["fields"]>): Asked {
  const all = Object.entries({ ...asked.headers, ...fields(asked.headers) });
  return { ...asked, headers: Object.fromEntries(all.filter(([, value]) => value !== "")) };
}
