import { createServer, type Server, type Socket } from "node:net";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { systemClock } from "@branchcache/runtime/node";
import { recordingObserver } from "@branchcache/runtime/testing";
import { afterEach, describe, expect, it } from "vitest";
import {
  createRetrievalServer,
  type FetchBlocksOptions,
  type FetchedPiece,
  type FetchReport,
  fetchBlocks,
  type PeerSource,
} from "../../src/index.ts";
import { nodeBlockCipher, nodeHttpPort } from "../../src/node.ts";
import { type Fault, type FaultPeer, faultPeer } from "../../src/testing.ts";
import { allBlocks, memorySource, plaintextOf, testSegment } from "../content.ts";

const segments = [testSegment(1, 300_000, 1), testSegment(2, 70_000, 2), testSegment(2, 50_001, 3)];
const wanted = allBlocks(segments);

const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function startPeer(
  id: string,
  fault: (request: number) => Fault | undefined,
): Promise<{ source: PeerSource; peer: FaultPeer }> {
  const server = createRetrievalServer({ source: memorySource(segments), clock: systemClock });
  const peer = faultPeer({ server, clock: systemClock, fault });
  const listener = createServer((socket) => {
    sockets.add(socket);
    peer.accept(socket);
  });
  servers.push(listener);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return { source: { id, addresses: [{ address: "127.0.0.1", port }], kind: "peer" }, peer };
}

async function fetchAll(peers: readonly PeerSource[], more: Partial<FetchBlocksOptions> = {}) {
  const pieces: FetchedPiece[] = [];
  const options: FetchBlocksOptions = {
    finder: { async *find() {} },
    peers,
    http: nodeHttpPort(),
    cipher: nodeBlockCipher,
    engine,
    clock: systemClock,
    requestTimeoutMs: 1_000,
    ...more,
  };
  for await (const piece of fetchBlocks(wanted, options)) pieces.push(piece);
  return pieces;
}

/** Blocks in their order, each right or missing. */
function check(pieces: readonly FetchedPiece[]): { readonly missing: number } {
  expect(pieces.map(({ blockIndex, segment }) => ({ segment, blockIndex }))).toEqual(wanted);
  let missing = 0;
  for (const piece of pieces) {
    if (piece.kind === "missing") missing++;
    else if (!Buffer.from(plaintextOf(segments, piece)).equals(piece.bytes)) throw new Error("wrong bytes");
  }
  return { missing };
}

/** What comes of a peer with this fault alone; `any`: what it has sent may end the connection sooner or later. */
const alone: Readonly<Record<Fault, "all" | "none" | "any">> = {
  stall: "none",
  drip: "none",
  "early-close": "none",
  "no-answer": "none",
  "endless-body": "none",
  "endless-head": "none",
  "endless-interim": "none",
  "huge-length": "none",
  redirect: "none",
  gzip: "none",
  chunked: "none",
  "http-1.0": "all",
  "closes-each-time": "all",
  "two-lengths": "none",
  "not-http": "none",
  "server-error": "none",
  junk: "none",
  "empty-body": "none",
  "more-than-said": "any",
  "wrong-bytes": "none",
  "wrong-index": "none",
  "wrong-segment": "none",
  "short-block": "none",
  "odd-block": "none",
  "short-iv": "none",
  "no-cipher": "none",
  "wrong-padding": "all",
  "empty-block": "none",
  "wrong-size": "none",
  "wrong-message-size": "none",
  truncated: "none",
  trailing: "none",
  "unknown-type": "none",
  "request-type": "none",
  "unknown-cipher": "none",
  "count-overrun": "none",
  nego: "none",
  "nego-incompatible": "none",
};
const faults = Object.entries(alone) as [Fault, "all" | "none" | "any"][];
/** These take seconds alone: see `fetch.test.ts`, whose clock is driven by hand. */
const quick = faults.filter(([fault]) => fault !== "empty-block" && fault !== "stall" && fault !== "drip");
const lies: readonly Fault[] = ["wrong-bytes", "no-cipher"];

describe("a peer that misbehaves", () => {
  it.each(quick)("PCCRR-13 PCCRR-95 PCCRR-99 PCCRR-100 PCCRR-104 alone: %s", async (fault, outcome) => {
    const { source } = await startPeer("bad", () => fault);
    const liars: string[] = [];
    const observer = recordingObserver();
    const reports: FetchReport[] = [];
    const onReport = (report: FetchReport) => reports.push(report);
    const pieces = await fetchAll([source], { observer, onReport, onLiar: (peer) => liars.push(peer.id) });
    const { missing } = check(pieces);
    const [notes] = reports[0]?.peers ?? [];
    expect(notes?.lies).toBe(liars.length);
    if (outcome === "none") expect(notes).toMatchObject({ blocks: 0, dropped: expect.any(String) });
    if (outcome === "all") expect(notes).toMatchObject({ blocks: wanted.length, dropped: undefined });
    if (outcome !== "any") expect(missing).toBe(outcome === "all" ? 0 : wanted.length);
    expect(liars).toEqual(lies.includes(fault) ? ["bad"] : []);
    expect(observer.named("peer.quarantined")).toHaveLength(liars.length);
    expect(observer.total("blocks_rejected_total", { reason: "hash" })).toBe(liars.length);
  });

  it.each(faults)("beside an honest one: %s", async (fault) => {
    const bad = await startPeer("bad", () => fault);
    const good = await startPeer("good", () => undefined);
    const reports: FetchReport[] = [];
    const onReport = (report: FetchReport) => reports.push(report);
    expect(check(await fetchAll([bad.source, good.source], { onReport }))).toEqual({ missing: 0 });
    expect(bad.peer.requests).toBeGreaterThan(0);
    const [ofBad, ofGood] = reports[0]?.peers ?? [];
    expect(ofBad?.lies).toBe(lies.includes(fault) ? 1 : 0);
    expect(ofGood).toMatchObject({ peer: good.source, lies: 0, failures: 0, dropped: undefined });
  });

  it.each(faults)("after three honest answers: %s", async (fault) => {
    const bad = await startPeer("bad", (request) => (request < 3 ? undefined : fault));
    const good = await startPeer("good", () => undefined);
    expect(check(await fetchAll([bad.source, good.source]))).toEqual({ missing: 0 });
  });

  it("all of them at once, and one honest", async () => {
    const bad = await Promise.all(faults.map(([fault], i) => startPeer(`bad ${i}`, () => fault)));
    const good = await startPeer("good", () => undefined);
    const sources = [...bad, good].map(({ source }) => source);
    expect(check(await fetchAll(sources, { maxPeers: 100 }))).toEqual({ missing: 0 });
  });

  it("that is alone and fails once in a while still gives everything", async () => {
    const { source } = await startPeer("shaky", (request) => (request % 4 === 2 ? "no-answer" : undefined));
    expect(check(await fetchAll([source]))).toEqual({ missing: 0 });
  });
});
