/** Our own client in this process, on loopback: as it is, or with one thing changed. */
import { createMemoryStore } from "@branchcache/cache-store";
import { type OriginClient, originClient } from "@branchcache/http-encoding/node";
import { type BranchCache, download, type PeerNodeOptions, startPeerNode } from "@branchcache/peer-node";
import { nodeHttpPort } from "@branchcache/retrieval/node";
import { type Clock, type HttpPort, makeClock, type UdpPort } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { Agent, type Dispatcher } from "undici";
import { memorySink } from "../../../../test/support/branch-node.ts";
import type { Profile } from "../../src/kit/check.ts";
import type { Report } from "../../src/kit/report.ts";
import { runProfile } from "../../src/kit/run.ts";
import { openStage } from "../../src/stage/stage.ts";
import { type ClientTarget, clientTarget } from "../../src/stage/target.ts";

/** What is wrong with a client; each wraps the real thing. */
export interface Mutation {
  readonly http?: (real: HttpPort) => HttpPort;
  readonly udp?: (real: UdpPort) => UdpPort;
  /** Below the client of origins. */
  readonly dispatcher?: (real: Dispatcher) => Dispatcher;
  readonly origin?: (real: OriginClient) => OriginClient;
  readonly branchCache?: (real: BranchCache) => BranchCache;
  readonly node?: Partial<PeerNodeOptions>;
  /** Takes any bytes for a block; for the test to bring about. */
  readonly credulous?: boolean;
  /** Of the kit. Default 20,000. */
  readonly patienceMs?: number;
}

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
  const agent = new Agent();
  const dispatcher = (mutation.dispatcher ?? same<Dispatcher>)(agent);
  const origin = (mutation.origin ?? same)(originClient({ clock: systemClock, dispatcher }));
  const stage = await openStage({
    listen: { address: "127.0.0.1", port: 0 },
    discoveryPort: 0,
    clock: systemClock,
    random: seededRandom(1),
    timeoutMs: mutation.patienceMs ?? 20_000,
    fetch: async (url, signal) => {
      const sink = memorySink();
      await download({ url, origin, branchCache, sink, clock: systemClock, signal });
      return sink.content();
    },
  });
  const store = createMemoryStore({ limitBytes: 64 * 1_048_576, clock: systemClock });
  const node = await startPeerNode({
    store,
    clock: patientClock,
    mode: "distributed",
    interfaces: ["127.0.0.1"],
    discovery: { port: stage.discoveryPort, waitMs: 200 },
    retrieval: { requestTimeoutMs: 400, maxTimeouts: 1, blockTimeoutMs: 1_000 },
    http: (mutation.http ?? same)(nodeHttpPort()),
    udp: (mutation.udp ?? same<UdpPort>)(nodeDatagramPort),
    ...mutation.node,
  });
  const branchCache = (mutation.branchCache ?? same<BranchCache>)(node);
  return {
    target: clientTarget(stage),
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      await node.close();
      await origin.close();
      await agent.destroy();
      await store.close();
    },
  };
}

export function runAgainst(
  profile: Profile<ClientTarget>,
  client: TestClient,
  only?: readonly string[],
): Promise<Report> {
  const options = { targetName: "a client", seed: 1, version: "0.0.0", clock: systemClock };
  return runProfile(profile, client.target, { ...options, ...(only && { only }) });
}
