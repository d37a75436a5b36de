import type { Segment } from "@branchcache/content-info";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FetchMachine } from "../../src/client/fetch-machine.ts";
import type { Ask } from "../../src/client/fetch-state.ts";
import type {
  BlockOutcome,
  FetchEffect,
  FetchInput,
  FetchLimits,
  ListOutcome,
} from "../../src/client/fetch-steps.ts";
import type { FetchedPiece, PeerSource, WantedBlock } from "../../src/index.ts";
import { numberedSegment } from "../content.ts";

const limits: FetchLimits = {
  maxPeers: 16,
  window: 8,
  readAheadBlocks: 128,
  requestTimeoutMs: 2_000,
  maxTimeouts: 3,
  blockTimeoutMs: 5_000,
  order: "reading",
};

const bytes = new Uint8Array(0);
const good: BlockOutcome = { kind: "block", bytes, sealed: undefined, tookMs: 1 };

const segment = (version: 1 | 2, number: number, blocks = 1): Segment =>
  numberedSegment(number, version, blocks);
const peer = (id: string, kind: "peer" | "hosted" = "peer"): PeerSource => ({ id, addresses: [], kind });
const blocksOf = (...segments: readonly Segment[]): WantedBlock[] =>
  segments.flatMap((each) => each.blockHashes.map((_, blockIndex) => ({ segment: each, blockIndex })));

/** A machine whose steps are easy to write down, and which notes what is under way. */
function start(change: Partial<FetchLimits> = {}) {
  const machine = new FetchMachine({ ...limits, ...change });
  const asks: Ask[] = [];
  let nowMs = 0;
  const dropped: string[] = [];
  const finds: (readonly Segment[])[] = [];
  const note = (effects: readonly FetchEffect[]): readonly FetchEffect[] => {
    for (const effect of effects) {
      if (effect.kind === "ask") asks.push(effect.ask);
      if (effect.kind === "find") finds.push(effect.segments);
      if (effect.kind === "drop") dropped.push(`${effect.peer.source.id} ${effect.reason}`);
    }
    return effects;
  };
  const step = (input: FetchInput) => note(machine.step(input, nowMs));
  return {
    machine,
    asks,
    dropped,
    finds,
    step,
    setMs: (ms: number) => {
      nowMs = ms;
    },
    /** The ask under way for this peer and block, oldest first. */
    open: (id?: string): Ask[] =>
      asks.filter((ask) => !ask.over && (id === undefined || ask.peer.source.id === id)),
    answer(ask: Ask | undefined, outcome: BlockOutcome): readonly FetchEffect[] {
      if (ask?.kind !== "block") throw new Error("no such ask");
      return step({ kind: "blockAnswered", ask, outcome });
    },
    answerList(ask: Ask | undefined, outcome: ListOutcome): readonly FetchEffect[] {
      if (ask?.kind !== "list") throw new Error("no such ask");
      return step({ kind: "listAnswered", ask, outcome });
    },
    takeAll(): FetchedPiece[] {
      const pieces: FetchedPiece[] = [];
      for (let piece = machine.take(); piece; piece = machine.take()) pieces.push(piece);
      step({ kind: "tick" });
      return pieces;
    },
  };
}

const v2 = Array.from({ length: 30 }, (_, i) => segment(2, i));
const wanted = (segments: readonly Segment[]): FetchInput => ({
  kind: "wanted",
  blocks: blocksOf(...segments),
  last: true,
});

describe("window", () => {
  it("PCCRR-142 1, and one more after each quick answer; refilled when half of it is free", () => {
    const m = start();
    m.step({ kind: "peer", peer: peer("a") });
    m.step(wanted(v2));
    const most: number[] = [];
    for (let i = 0; i < 10; i++) {
      most.push(m.open().length);
      m.answer(m.open()[0], good);
    }
    expect(most).toEqual([1, 2, 3, 4, 3, 6, 5, 8, 7, 6]);
  });

  it.each([
    [500, 2],
    [501, 1],
  ])("PCCRR-142 after an answer of %i ms %i", (tookMs, window) => {
    const m = start();
    m.step({ kind: "peer", peer: peer("a") });
    m.step(wanted(v2));
    m.answer(m.open()[0], { ...good, tookMs });
    expect(m.open()).toHaveLength(window);
  });

  it("PCCRR-142 halved by an empty block of an advertised segment, which is asked for again after a rest", () => {
    const m = start();
    m.step(wanted(v2));
    m.step({
      kind: "found",
      found: { peer: peer("a"), segments: v2.map(({ id }) => ({ id, complete: true })) },
    });
    for (let i = 0; i < 4; i++) m.answer(m.open()[0], good);
    for (const ask of m.open().slice(1)) m.answer(ask, good);
    expect(m.answer(m.open()[0], { kind: "empty" })).toEqual([]);
    expect(m.machine.wakeAtMs()).toBe(100);
    m.setMs(99);
    expect(m.step({ kind: "tick" })).toEqual([]);
    m.setMs(100);
    for (const ask of m.open()) m.answer(ask, good);
    expect(m.open().length).toBeGreaterThan(0);
  });
});

describe("a peer without a block of what it advertised", () => {
  it("PCCRR-142 asked again after 100, 200 and 400 ms, and then not any more", () => {
    const m = start();
    m.step(wanted(v2));
    m.step({
      kind: "found",
      found: { peer: peer("a"), segments: v2.map(({ id }) => ({ id, complete: true })) },
    });
    const wakes: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      m.answer(m.open()[0], { kind: "empty" });
      wakes.push(m.machine.wakeAtMs());
      m.setMs(wakes[i] ?? 0);
      m.step({ kind: "tick" });
    }
    expect(wakes).toEqual([100, 300, 700, undefined]);
    expect(m.dropped).toEqual(["a empty"]);
  });
});

describe("block lists", () => {
  const big = segment(1, 900, 6);
  const run = () => {
    const m = start();
    m.step({ kind: "peer", peer: peer("a") });
    m.step(wanted([big]));
    return m;
  };

  it("PCCRR-78 asked once for all blocks, and only listed ones are asked for", () => {
    const m = run();
    const [ask] = m.open();
    expect(ask).toMatchObject({ kind: "list", range: { index: 0, count: 6 } });
    m.answerList(ask, { kind: "list", ranges: [{ index: 1, count: 2 }], tookMs: 1 });
    expect(m.open().map((each) => each.kind === "block" && each.slot.blockIndex)).toEqual([1, 2]);
    expect(m.finds).toEqual([[big]]);
  });

  it("PCCRR-140 a list that fails three times: the peer is dropped", () => {
    const m = run();
    for (let i = 0; i < 3; i++) m.answerList(m.open()[0], { kind: "failed", reason: "status" });
    expect(m.dropped).toEqual(["a failures"]);
    m.step({ kind: "findEnded" });
    expect(m.takeAll().map(({ kind }) => kind)).toEqual(Array(6).fill("missing"));
  });

  it("PCCRR-91 PCCRR-93 a list that is nonsense: the peer is not asked for this segment", () => {
    const m = run();
    m.answerList(m.open()[0], { kind: "nonsense" });
    expect([m.open(), m.dropped, m.finds.length]).toEqual([[], [], 1]);
  });

  it("an empty list: not asked again", () => {
    const m = run();
    m.answerList(m.open()[0], { kind: "list", ranges: [], tookMs: 1 });
    expect(m.open()).toEqual([]);
    m.step({ kind: "findEnded" });
    expect(m.takeAll().every((piece) => piece.kind === "missing" && piece.reason === "no-peer")).toBe(true);
    expect(m.machine.finished).toBe(true);
  });
});

describe("failures", () => {
  const lone = (outcomes: readonly BlockOutcome[], segments = v2) => {
    const m = start();
    m.step({ kind: "peer", peer: peer("a") });
    m.step(wanted(segments));
    for (const outcome of outcomes) m.answer(m.open()[0], outcome);
    return m;
  };

  it.each([
    ["PCCRR-100 one lie", [{ kind: "lie" }], ["a lie"]],
    ["no connection", [{ kind: "failed", reason: "connect" }], ["a unreachable"]],
    ["PCCRR-87 no version in common", [{ kind: "failed", reason: "version" }], ["a version"]],
    ["PCCRR-141 two time-outs", Array(2).fill({ kind: "failed", reason: "timeout" }), []],
    ["PCCRR-141 three time-outs", Array(3).fill({ kind: "failed", reason: "timeout" }), ["a timeouts"]],
    ["two answers of nonsense", Array(2).fill({ kind: "nonsense" }), []],
    ["three answers of nonsense", Array(3).fill({ kind: "nonsense" }), ["a failures"]],
    ["three wrong statuses", Array(3).fill({ kind: "failed", reason: "status" }), ["a failures"]],
    ["three lost connections", Array(3).fill({ kind: "failed", reason: "closed" }), ["a failures"]],
    ["requests lost with others", Array(20).fill({ kind: "failed", reason: "lost" }), []],
    ["three slow answers", Array(3).fill({ ...good, tookMs: 1_001 }), ["a slow"]],
  ] as [string, BlockOutcome[], string[]][])("%s", (_, outcomes, dropped) => {
    expect(lone(outcomes).dropped).toEqual(dropped);
  });

  it("failures count only one after another", () => {
    const bad: BlockOutcome = { kind: "nonsense" };
    expect(lone([bad, bad, good, bad, bad, good, bad]).dropped).toEqual([]);
  });

  it("what a dropped peer was asked for is asked of the next one, and its answers are too late", () => {
    const m = start();
    m.step({ kind: "peer", peer: peer("a") });
    m.step({ kind: "peer", peer: peer("b") });
    m.step(wanted(v2));
    for (let i = 0; i < 6; i++) m.answer(m.open("a")[0], good);
    const under = m.open("a");
    expect(under.length).toBeGreaterThan(1);
    m.answer(under[0], { kind: "lie" });
    expect(m.answer(under[1], good)).toEqual([]);
    while (m.open("b").length > 0) m.answer(m.open("b")[0], good);
    expect(m.takeAll().map(({ kind }) => kind)).toEqual(Array(30).fill("block"));
  });

  it("PCCRR-135 a block is not asked for again once its time is over", () => {
    const m = lone([], v2.slice(0, 1));
    m.setMs(5_000);
    m.answer(m.open()[0], { kind: "failed", reason: "lost" });
    expect(m.takeAll()).toMatchObject([{ kind: "missing", reason: "timeout" }]);
  });

  it("after 16 guesses that went wrong a peer is only asked for what it says to have", () => {
    const m = lone([]);
    while (m.open().length > 0) m.answer(m.open()[0], { kind: "empty" });
    expect(m.asks.length).toBeGreaterThanOrEqual(16);
    expect(m.asks.length).toBeLessThanOrEqual(16 + 7);
    const hosted = start();
    hosted.step({ kind: "peer", peer: peer("h", "hosted") });
    hosted.step(wanted(v2));
    for (let i = 0; i < 20; i++) hosted.answer(hosted.open()[0], { kind: "empty" });
    expect(hosted.open().length).toBeGreaterThan(0);
  });
});

describe("a hosted cache", () => {
  const hosted = peer("h", "hosted");
  const lie: BlockOutcome = { kind: "lie" };
  const found = (source: PeerSource, segments: readonly Segment[]): FetchInput => ({
    kind: "found",
    found: { peer: source, segments: segments.map(({ id }) => ({ id, complete: true })) },
  });

  it("PCHC-55 gives on what it cannot read: dropped after eight false blocks running, and not after seven", () => {
    const m = start({ window: 1 });
    m.step({ kind: "peer", peer: hosted });
    m.step(wanted(v2));
    for (let i = 0; i < 7; i++) m.answer(m.open()[0], lie);
    m.answer(m.open()[0], good);
    for (let i = 0; i < 7; i++) m.answer(m.open()[0], lie);
    expect(m.dropped).toEqual([]);
    m.answer(m.open()[0], lie);
    expect([m.dropped, m.open()]).toEqual([["h lie"], []]);
  });

  it("is not asked again for a block that was false; that one is looked for elsewhere", () => {
    const m = start({ window: 1 });
    const [first, second] = v2 as [Segment, Segment];
    m.step({ kind: "peer", peer: hosted });
    m.step(wanted([first, second]));
    m.answer(m.open()[0], lie);
    expect(m.finds.map((segments) => segments[0])).toEqual([first]);
    m.step(found(peer("b"), [first]));
    m.step({ kind: "findEnded" });
    m.answer(m.open("b")[0], good);
    m.answer(m.open("h")[0], good);
    expect(m.takeAll().map((piece) => piece.kind === "block" && piece.from.id)).toEqual(["b", "h"]);
    const asked = m.asks.map((ask) => ask.kind === "block" && ask.peer.source.id === "h" && ask.slot.order);
    expect(asked.filter((order) => order === 0)).toHaveLength(1);
  });

  it.each<[string, PeerSource, number]>([
    ["what a lost hosted cache held is asked about once more", hosted, 2],
    ["what a lost peer held is not", peer("p"), 1],
  ])("%s", (_, lost, questions) => {
    const m = start();
    const some = v2.slice(0, 4);
    m.step(wanted(some));
    m.step(found(lost, some));
    m.step({ kind: "findEnded" });
    m.answer(m.open()[0], { kind: "failed", reason: "connect" });
    expect(m.dropped).toEqual([`${lost.id} unreachable`]);
    expect(m.finds).toEqual(Array(questions).fill(some));
    m.step(found(peer("b"), questions === 2 ? some : []));
    m.step({ kind: "findEnded" });
    while (m.open("b").length > 0) m.answer(m.open("b")[0], good);
    expect(m.takeAll().map(({ kind }) => kind)).toEqual(Array(4).fill(questions === 2 ? "block" : "missing"));
  });

  it("is asked about no third time when the next one is lost as well", () => {
    const m = start();
    const some = v2.slice(0, 2);
    m.step(wanted(some));
    for (const id of ["h", "i"]) {
      m.step(found(peer(id, "hosted"), some));
      m.step({ kind: "findEnded" });
      m.answer(m.open(id)[0], { kind: "failed", reason: "connect" });
    }
    expect(m.finds).toHaveLength(2);
    expect(m.takeAll().map(({ kind }) => kind)).toEqual(["missing", "missing"]);
    expect(m.machine.finished).toBe(true);
  });
});

describe("questions to the finder", () => {
  const many = Array.from({ length: 9_000 }, (_, i) => segment(2, i));
  /** Wants as many as the machine would know at the start, and returns it with its first question. */
  const ask = (known: readonly PeerSource[] = []) => {
    const m = start();
    for (const each of known) m.step({ kind: "peer", peer: each });
    const { lookahead } = m.machine;
    m.step({ kind: "wanted", blocks: blocksOf(...many.slice(0, lookahead)), last: false });
    const numbers = (m.finds[0] ?? []).map(({ id }) => new DataView(id.buffer).getUint32(0));
    return { m, lookahead, numbers };
  };

  it("the first is about the next 64 segments and 32 spread over all that are known", () => {
    const { lookahead, m, numbers } = ask();
    expect(lookahead).toBe(8_192);
    expect(m.finds).toHaveLength(1);
    expect(numbers.slice(0, 64)).toEqual(Array.from({ length: 64 }, (_, i) => i));
    const gaps = numbers.slice(64).map((number, i) => number - (numbers[63 + i] ?? 0));
    expect([gaps.length, new Set(gaps), numbers.at(-1)]).toEqual([32, new Set([254]), 8_191]);
  });

  it("nobody: all is missing at once, and so is all that is wanted later", () => {
    const { lookahead, m } = ask();
    m.step({ kind: "findEnded" });
    expect(m.takeAll()).toHaveLength(lookahead);
    m.step({ kind: "wanted", blocks: blocksOf(...many.slice(lookahead)), last: true });
    expect(m.takeAll()).toHaveLength(many.length - lookahead);
    expect([m.finds.length, m.machine.finished]).toEqual([1, true]);
  });

  it("somebody: goes on with one question after another", () => {
    const { m, numbers } = ask();
    const last = many[numbers.at(-1) ?? 0] as Segment;
    m.step({ kind: "found", found: { peer: peer("a"), segments: [{ id: last.id, complete: true }] } });
    m.step({ kind: "findEnded" });
    while (m.open().length > 0 && m.finds.length === 1) m.answer(m.open()[0], { kind: "empty" });
    expect(m.finds).toHaveLength(2);
    expect(m.finds[1]?.length).toBe(64 + 32);
  });

  it("grow while a known peer gives what it has", () => {
    const { m } = ask([peer("a")]);
    expect(m.finds).toEqual([]);
    m.answer(m.open()[0], good);
    while (m.open().length > 0) m.answer(m.open()[0], { kind: "empty" });
    m.step({ kind: "findEnded" });
    m.takeAll();
    m.step({ kind: "findEnded" });
    m.takeAll();
    expect(m.finds.map(({ length }) => length)).toEqual([1, 256, 1_024]);
  });

  it("a known hosted cache that has nothing: one is not enough to say that nobody has", () => {
    const { m } = ask([peer("h", "hosted")]);
    m.answer(m.open()[0], { kind: "empty" });
    expect(m.finds[0]).toHaveLength(1 + 31);
    for (let i = 0; i < 100; i++) m.answer(m.open()[0], { kind: "empty" });
    m.step({ kind: "findEnded" });
    expect(m.finds[1]?.length).toBeGreaterThan(64);
    m.step({ kind: "findEnded" });
    for (let i = 0; i < 300; i++) {
      m.takeAll();
      m.answer(m.open()[0], { kind: "empty" });
    }
    expect(m.finds).toHaveLength(2);
  });

  it("a segment that is wanted anew after its end is asked about anew, also under another copy of it", () => {
    const m = start();
    const [given, first] = v2 as [Segment, Segment];
    const copy = { ...first };
    m.step({ kind: "peer", peer: peer("a") });
    m.step({ kind: "wanted", blocks: blocksOf(given, first, copy), last: false });
    m.answer(m.open()[0], good);
    while (m.open().length > 0) m.answer(m.open()[0], { kind: "empty" });
    m.step({ kind: "findEnded" });
    expect(m.takeAll().map(({ kind }) => kind)).toEqual(["block", "missing", "missing"]);
    m.step({ kind: "wanted", blocks: blocksOf(copy), last: true });
    while (m.open().length > 0) m.answer(m.open()[0], { kind: "empty" });
    expect(m.finds.map((segments) => segments.map(({ id }) => id))).toEqual([[first.id], [first.id]]);
  });

  it("version 1.0: all segments that are known are enough", () => {
    const m = start();
    const segments = Array.from({ length: 32 }, (_, i) => segment(1, i, 512));
    const blocks = blocksOf(...segments);
    m.step({ kind: "wanted", blocks: blocks.slice(0, m.machine.lookahead), last: false });
    expect(m.finds[0]).toHaveLength(16);
    m.step({ kind: "findEnded" });
    m.step({ kind: "wanted", blocks: blocks.slice(8_192), last: true });
    expect(m.takeAll()).toHaveLength(blocks.length);
    expect(m.finds).toHaveLength(1);
  });
});

describe("a slow block", () => {
  it("is asked elsewhere when the reader is near; the first answer counts", () => {
    const m = start();
    m.step({ kind: "peer", peer: peer("slow") });
    m.step({ kind: "peer", peer: peer("quick") });
    m.step(wanted(v2.slice(0, 2)));
    const [late] = m.open("slow");
    m.answer(m.open("quick")[0], good);
    expect(m.machine.wakeAtMs()).toBe(250);
    m.setMs(249);
    expect(m.step({ kind: "tick" })).toEqual([]);
    m.setMs(250);
    m.step({ kind: "tick" });
    m.answer(m.open("quick")[0], good);
    expect(m.takeAll().map((piece) => piece.kind === "block" && piece.from.id)).toEqual(["quick", "quick"]);
    m.answer(late, { kind: "late", tookMs: 900 });
    expect(m.machine.finished).toBe(true);
  });
});

describe("any course of events", () => {
  const outcome = fc.constantFrom<BlockOutcome>(
    good,
    good,
    good,
    { ...good, tookMs: 1_500 },
    { kind: "empty" },
    { kind: "lie" },
    { kind: "nonsense" },
    { kind: "failed", reason: "timeout" },
    { kind: "failed", reason: "closed" },
    { kind: "failed", reason: "lost" },
    { kind: "failed", reason: "connect" },
    { kind: "failed", reason: "status" },
  );
  const contents = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.integer({ min: 1, max: 9 })), {
    minLength: 1,
    maxLength: 12,
  });

  it("ends, with each block once and in order, and never with more under way than allowed", () => {
    fc.assert(
      fc.property(
        contents,
        fc.integer({ min: 0, max: 4 }),
        fc.infiniteStream(outcome),
        fc.infiniteStream(fc.nat(1_000)),
        fc.integer({ min: 1, max: 20 }),
        (shape, peers, outcomes, choices, readAheadBlocks) => {
          const segments = shape.map(([version, blocks], i) =>
            segment(version, i % 7, version === 1 ? blocks : 1),
          );
          const all = blocksOf(...segments);
          const m = start({ readAheadBlocks });
          const choose = (count: number) => choices.next().value % count;
          let ms = 0;
          for (let i = 0; i < peers; i += 2) m.step({ kind: "peer", peer: peer(`known ${i}`) });
          m.step({ kind: "wanted", blocks: all, last: true });
          const pieces: FetchedPiece[] = [];
          let findsOver = 0;
          let turns = 0;
          while (!m.machine.finished) {
            if (++turns > 20_000) throw new Error("it does not end");
            pieces.push(...m.takeAll());
            const open = m.open();
            for (let i = 0; i < peers; i++) expect(m.open(`known ${i}`).length).toBeLessThanOrEqual(8);
            if (m.finds.length > findsOver && (open.length === 0 || choose(3) === 0)) {
              const asked = m.finds[findsOver++] ?? [];
              for (let i = 1; i < peers; i += 2) {
                const held = asked
                  .filter(() => choose(2) === 0)
                  .map(({ id }) => ({ id, complete: choose(2) === 0 }));
                if (held.length > 0)
                  m.step({ kind: "found", found: { peer: peer(`found ${i}`), segments: held } });
              }
              m.step({ kind: "findEnded" });
              continue;
            }
            ms += choose(100);
            m.setMs(ms);
            const ask = open[choose(Math.max(open.length, 1))];
            if (!ask) {
              const wakeMs = m.machine.wakeAtMs();
              if (m.machine.finished) break;
              if (wakeMs === undefined && m.finds.length === findsOver) {
                pieces.push(...m.takeAll());
                if (m.open().length === 0 && !m.machine.finished)
                  throw new Error("nothing is under way, and nothing wakes it");
                continue;
              }
              ms = Math.max(ms, wakeMs ?? ms);
              m.setMs(ms);
              m.step({ kind: "tick" });
              continue;
            }
            const what = outcomes.next().value;
            if (ask.kind === "list") {
              if (what.kind === "failed" || what.kind === "nonsense") m.answerList(ask, what);
              else
                m.answerList(ask, {
                  kind: "list",
                  ranges: choose(3) === 0 ? [] : [{ index: choose(3), count: 4 }],
                  tookMs: 1,
                });
            } else if (ask.slot.state === "over") m.answer(ask, { kind: "late", tookMs: 1 });
            else m.answer(ask, what);
          }
          expect(pieces.map(({ blockIndex, segment: { id } }) => [id[3], blockIndex])).toEqual(
            all.map(({ blockIndex, segment: { id } }) => [id[3], blockIndex]),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("blocks that nobody gives", () => {
  it("are known to be missing while the one before them is still being fetched", () => {
    const { answer, machine, open, step } = start({ window: 1 });
    const [first, second] = [segment(2, 1), segment(2, 2)];
    step({ kind: "wanted", blocks: blocksOf(first, second), last: true });
    for (const [id, one] of [
      ["a", first],
      ["b", second],
    ] as const)
      step({ kind: "found", found: { peer: peer(id), segments: [{ id: one.id, complete: true }] } });
    step({ kind: "findEnded" });
    // The one that said to have it cannot be reached; the other is asked, and has it not.
    answer(open("b")[0], { kind: "failed", reason: "connect" });
    expect(machine.takeGivenUp()).toEqual([]);
    const [ofFirst] = open("a");
    step({ kind: "arrived", ask: ofFirst as never });
    answer(ofFirst, { kind: "late", tookMs: 1 });
    answer(open("a")[0], { kind: "empty" });
    expect(machine.takeGivenUp()).toEqual([{ segment: second, blockIndex: 0 }]);
    expect(machine.take()).toBeUndefined();
  });

  it("are told of once", () => {
    const { machine, step } = start();
    const alone = segment(2, 1);
    step({ kind: "wanted", blocks: blocksOf(alone), last: true });
    step({ kind: "findEnded" });
    expect(machine.takeGivenUp()).toEqual([{ segment: alone, blockIndex: 0 }]);
    expect(machine.takeGivenUp()).toEqual([]);
  });
});
