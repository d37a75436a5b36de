import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, equalBytes, type HttpPostResponse, toHex } from "@branchcache/runtime";
import { type ManualClock, type MemoryHttp, recordingObserver } from "@branchcache/runtime/testing";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type BlockCipher,
  createRetrievalServer,
  type FetchBlocksOptions,
  type FetchReport,
  type FoundPeer,
  fetchBlocks,
  rememberPeers,
  type WantedBlock,
} from "../../src/index.ts";
import { nodeBlockCipher } from "../../src/node.ts";
import {
  allBlocks,
  memorySource,
  numberedSegment,
  plaintextOf,
  type TestSegment,
  testSegment,
} from "../content.ts";
import { type ClockedPeers, clockedPeers, expectAll } from "./clocked-peers.ts";

let clock: ManualClock;
let http: MemoryHttp;
let startPeer: ClockedPeers["startPeer"];
let finderOf: ClockedPeers["finderOf"];
let run: ClockedPeers["run"];

beforeEach(() => {
  ({ clock, finderOf, http, run, startPeer } = clockedPeers());
});

const v1 = [testSegment(1, 700_000, 11)];
const v2 = Array.from({ length: 40 }, (_, i) => testSegment(2, 1_000 + i, 20 + i));

describe("options", () => {
  it.each([
    { maxPeers: Number.NaN },
    { window: -3 },
    { readAheadBlocks: 0 },
    { requestTimeoutMs: 0 },
    { maxTimeouts: 0 },
    { blockTimeoutMs: -1 },
  ])("$# out of their bounds are named, where the download would never end", async (options) => {
    const [name = ""] = Object.keys(options);
    const { error } = await run(allBlocks(v1), { ...options, peers: [] });
    expect(error).toMatchObject({ code: "BC_INVALID_ARGUMENT", message: expect.stringContaining(name) });
  });
});

describe("fetching from one peer", () => {
  it("PCCRR-79 PCCRR-41 V1: a block list first, then one request for each block", async () => {
    const peer = startPeer("a", v1);
    expectAll(v1, await run(allBlocks(v1), { peers: [peer.source] }));
    expect(peer.requests[0]?.kind).toBe("getBlockList");
    const blocks = peer.requests.slice(1);
    expect(blocks.map(({ index, kind }) => `${kind} ${index}`)).toEqual(
      Array.from({ length: 11 }, (_, i) => `getBlocks ${i}`),
    );
    expect(clock.pending).toBe(0);
  });

  it("PCCRR-139 what a peer holds is asked anew in each download", async () => {
    const all = startPeer("all", v1);
    const some = startPeer("some", v1, { holds: (_, index) => index < 5 });
    const finder = rememberPeers(
      finderOf([all, some].map(({ source }) => ({ source, holds: () => true }))).finder,
      { clock },
    );
    for (let i = 0; i < 2; i++) expectAll(v1, await run(allBlocks(v1), { finder }));
    for (const { requests } of [all, some]) {
      expect(requests.filter(({ kind }) => kind === "getBlockList")).toHaveLength(2);
    }
  });

  it.each([
    [1, false],
    [3, false],
    [4, true],
  ])("PCCRR-80 PCCRR-81 %i consecutive blocks: block list %s", async (count, listed) => {
    const peer = startPeer("a", v1);
    const { pieces } = await run(allBlocks(v1).slice(2, 2 + count), { peers: [peer.source] });
    expect(pieces.filter(({ kind }) => kind === "block")).toHaveLength(count);
    expect(peer.requests.some(({ kind }) => kind === "getBlockList")).toBe(listed);
  });

  it("PCCRR-81 two blocks that are apart: with a block list", async () => {
    const peer = startPeer("a", v1);
    const wanted = allBlocks(v1).filter(({ blockIndex }) => blockIndex === 1 || blockIndex === 5);
    await run(wanted, { peers: [peer.source] });
    expect(peer.requests[0]?.kind).toBe("getBlockList");
  });

  it("PCCRR-144 V2: block 0 of each segment at once", async () => {
    const peer = startPeer("a", v2);
    expectAll(v2, await run(allBlocks(v2), { peers: [peer.source] }));
    expect(new Set(peer.requests.map(({ index, kind }) => `${kind} ${index}`))).toEqual(
      new Set(["getBlocks 0"]),
    );
    expect(peer.requests).toHaveLength(v2.length);
  });

  it("PCCRR-142 one request until the first good answer, at most 8 after it", async () => {
    const peer = startPeer("a", v2, { delayMs: 10 });
    await run(allBlocks(v2), { peers: [peer.source] });
    const firstMs = peer.requests[0]?.atMs;
    expect(peer.requests.filter(({ atMs }) => atMs === firstMs)).toHaveLength(1);
    expect(peer.mostAtOnce).toBe(8);
  });

  it("PCCRR-142 one at a time while answers take long", async () => {
    const peer = startPeer("a", v2.slice(0, 6), { delayMs: 900 });
    expectAll(v2.slice(0, 6), await run(allBlocks(v2.slice(0, 6)), { peers: [peer.source] }));
    expect(peer.mostAtOnce).toBe(1);
  });

  it("gives sealed blocks that are canonical, and none on demand", async () => {
    const peer = startPeer("a", v2.slice(0, 2), { fault: (i) => (i === 1 ? "wrong-padding" : undefined) });
    const { pieces } = await run(allBlocks(v2.slice(0, 2)), { peers: [peer.source] });
    const [first, second] = pieces;
    if (first?.kind !== "block" || !first.sealed || second?.kind !== "block") throw new Error("not fetched");
    expect(nodeBlockCipher.open(first.sealed, first.segment.secret, first.bytes.length)).toEqual({
      plaintext: first.bytes,
      canonical: true,
    });
    expect(second.sealed).toBeUndefined();
    const without = await run(allBlocks(v2.slice(0, 2)), { peers: [peer.source], keepSealed: false });
    expect(without.pieces.map((piece) => "sealed" in piece)).toEqual([false, false]);
  });

  it("hands over each block as soon as it is verified, with its ciphertext for the moment", async () => {
    const peer = startPeer("a", v2, { fault: (i) => (i === 1 ? "wrong-padding" : undefined) });
    const seen = new Map<Uint8Array, boolean>();
    const opened: boolean[] = [];
    const { pieces } = await run(allBlocks(v2), {
      peers: [peer.source],
      keepSealed: false,
      onBlock: ({ bytes, from, sealed, segment }) => {
        expect(from).toBe(peer.source);
        seen.set(bytes, sealed !== undefined);
        const plain = sealed && nodeBlockCipher.open(sealed, segment.secret, bytes.length)?.plaintext;
        if (plain) opened.push(equalBytes(plain, bytes));
      },
    });
    const given = pieces.map((piece) => (piece.kind === "block" ? seen.get(piece.bytes) : undefined));
    expect(given).toEqual(v2.map((_, i) => i !== 1));
    expect(opened).toEqual(Array(v2.length - 1).fill(true));
    expect(pieces.every((piece) => !("sealed" in piece))).toBe(true);
  });

  it("releases the bytes of each block when the next piece is asked for, if told to", async () => {
    const peer = startPeer("a", v2, { holds: (i) => i !== 3 });
    const released: Uint8Array[] = [];
    const cipher = { ...nodeBlockCipher, release: (bytes: Uint8Array) => released.push(bytes) };
    const fetch = (change: Partial<FetchBlocksOptions>) =>
      run(allBlocks(v2), { cipher, peers: [peer.source], ...change });
    expect((await fetch({})).pieces).toHaveLength(v2.length);
    expect(released).toEqual([]);
    const { pieces } = await fetch({ releaseBytes: true });
    expect(released).toEqual(pieces.flatMap((piece) => (piece.kind === "block" ? [piece.bytes] : [])));
    expect(released).toHaveLength(v2.length - 1);
  });

  it("bytes are there until the next piece is asked for, and then their memory is free", async () => {
    const peer = startPeer("a", v2);
    const seen: Uint8Array[] = [];
    let turns = 0;
    const work = (async () => {
      const options = { http, cipher: nodeBlockCipher, engine, clock, finder: finderOf().finder };
      const all = { ...options, peers: [peer.source], releaseBytes: true };
      for await (const piece of fetchBlocks(allBlocks(v2), all)) {
        if (piece.kind !== "block") continue;
        expect(equalBytes(piece.bytes, plaintextOf(v2, piece))).toBe(true);
        seen.push(piece.bytes);
      }
    })();
    while (seen.length < v2.length && ++turns < 1_000) await clock.advance(clock.nextInMs ?? 0);
    await work;
    expect(seen).toHaveLength(v2.length);
    expect(seen.filter(({ length }) => length === 0).length).toBeGreaterThanOrEqual(v2.length - 4);
  });

  it("asks for more before it decrypts what came together, on a connection that sends at the end of a turn", async () => {
    const server = createRetrievalServer({ source: memorySource(v2), clock });
    const waiting: { readonly body: Uint8Array; readonly answer: (body: Uint8Array) => void }[] = [];
    let log: string[] = [];
    const post = (_: string, body: Uint8Array) => {
      queueMicrotask(() => log.push("sent"));
      return new Promise<HttpPostResponse>((resolve) => {
        waiting.push({ body, answer: (each) => resolve({ status: 200, body: each }) });
      });
    };
    const cipher: BlockCipher = {
      ...nodeBlockCipher,
      open(...args) {
        log.push("opened");
        return nodeBlockCipher.open(...args);
      },
    };
    const rounds: string[] = [];
    const reader = fetchBlocks(allBlocks(v2), {
      http: { connect: () => ({ closed: false, post, close() {} }) },
      cipher,
      engine,
      clock,
      finder: finderOf().finder,
      peers: [{ id: "a", addresses: [{ address: "192.0.2.1", port: 80 }], kind: "peer" }],
    });
    const first = reader.next();
    while (rounds.length < 5) {
      await clock.advance(0);
      const asked = waiting.splice(0);
      const answers = await Promise.all(asked.map(({ body }) => server.handle(body, "test")));
      log = [];
      for (const [i, answer] of answers.entries()) {
        if (answer.kind !== "message") throw new Error("no answer");
        answer.done();
        asked[i]?.answer(concatBytes(...answer.parts));
      }
      await clock.advance(0);
      rounds.push([...new Set(log)].join());
    }
    expect((await first).value).toMatchObject({ kind: "block" });
    await reader.return();
    expect(rounds[0]).toBe("opened,sent");
    expect(rounds.slice(2, 5)).toEqual(Array(3).fill("sent,opened"));
  });

  it("reads ahead so far and no further", async () => {
    const peer = startPeer("a", v2);
    const options = { http, cipher: nodeBlockCipher, engine, clock, finder: finderOf().finder };
    const reader = fetchBlocks(allBlocks(v2), { ...options, peers: [peer.source], readAheadBlocks: 5 });
    const first = reader.next();
    await clock.advance(1_000);
    expect((await first).value).toMatchObject({ kind: "block" });
    await clock.advance(1_000);
    expect(peer.requests.length).toBeLessThanOrEqual(6);
    await reader.return();
    expect(clock.pending).toBe(0);
  });

  it("asks nobody before the first piece is asked for", async () => {
    const peer = startPeer("a", v2);
    const { finder, questions } = finderOf();
    const reader = fetchBlocks(allBlocks(v2), {
      http,
      cipher: nodeBlockCipher,
      engine,
      clock,
      finder,
      peers: [peer.source],
    });
    await clock.advance(1_000);
    expect([peer.requests.length, questions.length]).toEqual([0, 0]);
    await reader.return();
  });

  it("the same segment twice in the content", async () => {
    const twice = [v2[0], v2[1], v2[0]].map((each) => each as TestSegment);
    const peer = startPeer("a", v2);
    expectAll(twice, await run(allBlocks(twice), { peers: [peer.source] }));
  });

  it("an error of the one who wants reaches the reader, at the start and later", async () => {
    const peer = startPeer("a", v2);
    const failing = function* (count: number): Generator<WantedBlock> {
      for (let i = 0; i < count; i++) yield allBlocks(v2)[i % v2.length] as WantedBlock;
      throw new Error("no plan");
    };
    for (const count of [0, 2_000]) {
      const { error } = await run(failing(count), { peers: [peer.source] });
      expect(error).toMatchObject({ message: "no plan" });
      await clock.advance(100);
      expect(clock.pending).toBe(0);
    }
  });

  it("PCCRR-1 a block whose hash is not known is not asked for", async () => {
    const peer = startPeer("a", v1);
    const { segment } = v1[0] as TestSegment;
    const partial = { ...segment, firstBlockIndex: 2, blockHashes: segment.blockHashes.slice(2, 4) };
    for (const blockIndex of [1, 4]) {
      const { error } = await run([{ segment: partial, blockIndex }], { peers: [peer.source] });
      expect(error).toMatchObject({ code: "BC_BLOCK_NOT_LISTED" });
    }
    const { pieces } = await run([{ segment: partial, blockIndex: 3 }], { peers: [peer.source] });
    expect(pieces).toMatchObject([{ kind: "block", blockIndex: 3 }]);
  });

  it("nothing wanted", async () => {
    expect((await run([], {})).pieces).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe("finding peers", () => {
  it("PCCRR-136 a peer that held earlier segments is asked for later ones before anything new is probed", async () => {
    const many = Array.from({ length: 1_024 }, (_, i) => testSegment(2, 100, 1_000 + i));
    const peer = startPeer("a", many);
    const { finder, questions } = finderOf([{ source: peer.source, holds: () => true }]);
    expectAll(many, await run(allBlocks(many), { finder }));
    expect(questions).toEqual([64 + 32]);
  });

  it("what a known peer does not have is asked of the branch", async () => {
    const first = startPeer("first", v2, { holds: (i) => i < 20 });
    const second = startPeer("second", v2, { holds: (i) => i >= 20 });
    const keys = new Set(v2.slice(20).map(({ segment }) => toHex(segment.id)));
    const { finder, questions } = finderOf([
      { source: second.source, holds: ({ id }) => keys.has(toHex(id)) },
    ]);
    expectAll(v2, await run(allBlocks(v2), { finder, peers: [first.source] }));
    expect(questions.length).toBeLessThanOrEqual(2);
  });

  it.each([1_000, 20_000])(
    "nobody answers: %i segments are missing after one question about some of them",
    async (count) => {
      const { finder, questions } = finderOf();
      const segments = Array.from({ length: count }, (_, i) => numberedSegment(i));
      const wanted = segments.map((segment) => ({ segment, blockIndex: 0 }));
      const { pieces, tookMs } = await run(wanted, { finder });
      expect(pieces.every((piece) => piece.kind === "missing" && piece.reason === "no-peer")).toBe(true);
      expect(pieces).toHaveLength(count);
      expect(questions).toHaveLength(1);
      expect(questions[0]).toBeLessThanOrEqual(96);
      expect(tookMs).toBe(300);
    },
  );

  it("a peer that holds only the second half is found by the sample, and gives it", async () => {
    const many = Array.from({ length: 200 }, (_, i) => testSegment(2, 500, 2_000 + i));
    const half = new Set(many.slice(100).map(({ segment }) => toHex(segment.id)));
    const peer = startPeer("a", many, { holds: (i) => i >= 100 });
    const { finder } = finderOf([{ source: peer.source, holds: ({ id }) => half.has(toHex(id)) }]);
    const { pieces } = await run(allBlocks(many), { finder });
    expect(pieces.map(({ kind }) => kind)).toEqual([
      ...Array(100).fill("missing"),
      ...Array(100).fill("block"),
    ]);
  });

  it("questions go on, and grow, while a known peer gives what it has", async () => {
    const many = Array.from({ length: 600 }, (_, i) => testSegment(2, 50, 3_000 + i));
    const peer = startPeer("a", many, { holds: (i) => i < 30 });
    const { finder, questions } = finderOf();
    const { pieces } = await run(allBlocks(many), { finder, peers: [peer.source] });
    expect(pieces.filter(({ kind }) => kind === "block")).toHaveLength(30);
    expect(questions.length).toBeGreaterThan(1);
    expect(questions.reduce((sum, each) => sum + each)).toBe(570);
  });

  it("a segment that nobody has does not hold up the others", async () => {
    const peer = startPeer("a", v2, { holds: (i) => i !== 7 });
    const { finder } = finderOf([{ source: peer.source, holds: ({ id }) => id !== v2[7]?.segment.id }]);
    const { pieces } = await run(allBlocks(v2), { finder });
    expect(pieces.flatMap((piece, i) => (piece.kind === "missing" ? [i] : []))).toEqual([7]);
    expect(pieces[7]).toMatchObject({ reason: "no-peer" });
  });

  it("uses 16 peers at most", async () => {
    const peers = Array.from({ length: 20 }, (_, i) => startPeer(`peer ${i}`, v2, { delayMs: 100 }));
    await run(allBlocks(v2), { peers: peers.map(({ source }) => source) });
    expect(peers.filter(({ requests }) => requests.length > 0)).toHaveLength(16);
  });

  it("an error of the finder reaches the reader", async () => {
    const finder = {
      async *find(): AsyncGenerator<FoundPeer> {
        await clock.sleep(1);
        yield* [];
        throw new Error("no network");
      },
    };
    expect((await run(allBlocks(v2), { finder })).error).toMatchObject({ message: "no network" });
    expect(clock.pending).toBe(0);
  });
});

describe("rarest first", () => {
  it("the block that fewest peers hold goes first, and pieces still come in order", async () => {
    const all = startPeer("all", v1, { delayMs: 10 });
    const most = startPeer("most", v1, { delayMs: 10, holds: (_, index) => index !== 7 });
    expectAll(v1, await run(allBlocks(v1), { peers: [all.source, most.source], order: "rarest" }));
    const asked = all.requests.filter(({ kind }) => kind === "getBlocks").map(({ index }) => index);
    expect(asked.indexOf(7)).toBeLessThan(3);
  });
});

describe("the report", () => {
  const keyOf = (each: TestSegment | undefined) => toHex(each?.segment.id ?? new Uint8Array(0));

  it("says who was asked, what came from where, how long it took, and why it is missing", async () => {
    const two = v2.slice(0, 2);
    const liar = startPeer("liar", v2, { fault: () => "wrong-bytes" });
    const partial = startPeer("partial", v2, { holds: (i) => i === 0, delayMs: 5 });
    let report: FetchReport | undefined;
    const { tookMs } = await run(allBlocks(two), {
      peers: [liar.source, partial.source],
      onReport: (each) => {
        report = each;
      },
    });
    expect(report?.tookMs).toBe(tookMs);
    expect(report?.segments).toEqual([
      {
        segmentId: keyOf(two[0]),
        asked: ["liar", "partial"],
        bytesFrom: { partial: 1_000 },
        missing: {},
        firstAskedMs: 0,
        endedMs: expect.any(Number),
      },
      {
        segmentId: keyOf(two[1]),
        asked: expect.arrayContaining(["partial"]),
        bytesFrom: {},
        missing: { "no-peer": 1 },
        firstAskedMs: 0,
        endedMs: tookMs,
      },
    ]);
    expect(report?.peers).toEqual([
      expect.objectContaining({ peer: liar.source, lies: 1, blocks: 0, dropped: "lie" }),
      expect.objectContaining({
        peer: partial.source,
        lies: 0,
        blocks: 1,
        bytes: 1_000,
        empty: 1,
        dropped: undefined,
      }),
    ]);
    expect(report?.questions).toEqual([{ segments: 2, atMs: expect.any(Number), answers: 0 }]);
  });

  it("comes also when the reader leaves early, and tells time-outs and lost connections apart", async () => {
    const stalled = startPeer("stalled", v2, { fault: () => "stall" });
    const gone = startPeer("gone", v2, { fault: () => "drop" });
    const reports: FetchReport[] = [];
    const options = { http, cipher: nodeBlockCipher, engine, clock, finder: finderOf().finder };
    const peers = [stalled.source, gone.source];
    const reader = fetchBlocks(allBlocks(v2), { ...options, peers, onReport: (each) => reports.push(each) });
    const first = reader.next();
    for (let i = 0; i < 60; i++) await clock.advance(200);
    await first;
    await reader.return();
    expect(reports).toHaveLength(1);
    expect(reports[0]?.peers).toEqual([
      expect.objectContaining({ timeouts: 3, failures: 0, dropped: "timeouts" }),
      expect.objectContaining({ timeouts: 0, failures: 3, dropped: "failures" }),
    ]);
  });
});

describe("peers that fail", () => {
  it("PCCRR-74 PCCRR-141 three time-outs, and it is dropped", async () => {
    const peer = startPeer("a", v2, { fault: () => "stall" });
    const { pieces, tookMs } = await run(allBlocks(v2), { peers: [peer.source] });
    expect(new Set(pieces.map((piece) => piece.kind === "missing" && piece.reason))).toEqual(
      new Set(["timeout", "no-peer"]),
    );
    expect(peer.requests).toHaveLength(3);
    expect(tookMs).toBe(6_300);
    expect(clock.pending).toBe(0);
  });

  it("PCCRR-142 an empty block for what was advertised: asked again later, dropped within a second", async () => {
    const peer = startPeer("a", v2, { fault: () => "empty-block" });
    const { finder } = finderOf([{ source: peer.source, holds: () => true }]);
    const reports: FetchReport[] = [];
    const { pieces, tookMs } = await run(allBlocks(v2), { finder, onReport: (each) => reports.push(each) });
    expect(pieces.every((piece) => piece.kind === "missing")).toBe(true);
    expect(peer.requests.map(({ atMs }) => atMs)).toEqual([300, 401, 602, 1_003]);
    expect(tookMs).toBe(1_004);
    expect(reports[0]?.peers).toMatchObject([{ empty: 4, dropped: "empty" }]);
  });

  it("a peer that has nothing of what it advertised costs a second of a long content, no more", async () => {
    const segments = Array.from({ length: 1_400 }, (_, i) => numberedSegment(i));
    const peer = startPeer("a", []);
    const { finder, questions } = finderOf([{ source: peer.source, holds: () => true }]);
    const wanted = segments.map((segment) => ({ segment, blockIndex: 0 }));
    const { pieces, tookMs } = await run(wanted, { finder });
    expect(pieces.every(({ kind }) => kind === "missing")).toBe(true);
    expect(peer.requests.length).toBeLessThan(10);
    expect(questions).toHaveLength(2);
    expect(tookMs).toBeLessThanOrEqual(1_400);
  });

  it("PCCRR-142 a peer that gave a block once is asked longer, if it is empty from then on", async () => {
    const peer = startPeer("a", v2, { fault: (i) => (i > 0 ? "empty-block" : undefined) });
    const { finder } = finderOf([{ source: peer.source, holds: () => true }]);
    const reports: FetchReport[] = [];
    const { tookMs } = await run(allBlocks(v2), { finder, onReport: (each) => reports.push(each) });
    expect(reports[0]?.peers).toMatchObject([{ blocks: 1, dropped: "failures" }]);
    expect(tookMs).toBeLessThan(6_000);
  });

  it("PCCRR-142 a peer that is busy for a moment still gives everything", async () => {
    const peer = startPeer("a", v2, { fault: (i) => (i > 9 && i < 12 ? "empty-block" : undefined) });
    const { finder } = finderOf([{ source: peer.source, holds: () => true }]);
    expectAll(v2, await run(allBlocks(v2), { finder }));
  });

  it("PCCRR-140 vanishes in mid-download: the others give the rest", async () => {
    const one = startPeer("one", v2);
    const two = startPeer("two", v2);
    const address = one.source.addresses[0];
    if (address) void clock.sleep(4).then(() => http.unplug(address));
    expectAll(v2, await run(allBlocks(v2), { peers: [one.source, two.source] }));
  });

  it("PCCRR-100 a liar is named once, dropped, and what it sent is asked elsewhere", async () => {
    const liar = startPeer("liar", v2, { fault: (i) => (i === 3 ? "wrong-bytes" : undefined) });
    const honest = startPeer("honest", v2, { delayMs: 5 });
    const observer = recordingObserver();
    const named: string[] = [];
    const result = await run(allBlocks(v2), {
      peers: [liar.source, honest.source],
      observer,
      onLiar: ({ id }, { segment }) => named.push(`${id} ${segment.lengthBytes}`),
    });
    expectAll(v2, result);
    expect(named).toHaveLength(1);
    expect(observer.named("peer.quarantined")).toHaveLength(1);
    expect(observer.total("blocks_rejected_total", { reason: "hash" })).toBe(1);
  });

  it("a block that is slow to come is asked elsewhere before its time is over", async () => {
    const slow = startPeer("slow", v2, { fault: (i) => (i === 4 ? "stall" : undefined) });
    const quick = startPeer("quick", v2);
    const result = await run(allBlocks(v2), { peers: [slow.source, quick.source] });
    expectAll(v2, result);
    expect(result.tookMs).toBeLessThan(400);
  });

  it("answers of 1.5 s, three running: too slow to be worth it", async () => {
    const peer = startPeer("a", v2, { delayMs: 1_500 });
    const { pieces, tookMs } = await run(allBlocks(v2), { peers: [peer.source] });
    expect(pieces.filter(({ kind }) => kind === "block")).toHaveLength(3);
    expect(tookMs).toBeLessThan(5_000);
  });

  it("the addresses of a peer are alternatives", async () => {
    const peer = startPeer("a", v2);
    const dead = [1, 2].map((host) => ({ address: `198.51.100.${host}`, port: 80 }));
    const source = { ...peer.source, addresses: [...dead, ...peer.source.addresses] };
    expectAll(v2, await run(allBlocks(v2), { peers: [source] }));
  });

  it("the signal stops everything and is what the reader gets", async () => {
    const peer = startPeer("a", v2, { delayMs: 50 });
    const stop = new AbortController();
    const reason = new Error("enough");
    void clock.sleep(120).then(() => stop.abort(reason));
    const result = await run(allBlocks(v2), { peers: [peer.source], signal: stop.signal });
    expect(result.error).toBe(reason);
    await clock.advance(5_000);
    expect(clock.pending).toBe(0);
    const already = await run(allBlocks(v2), { signal: stop.signal });
    expect(already.error).toBe(reason);
  });
});
