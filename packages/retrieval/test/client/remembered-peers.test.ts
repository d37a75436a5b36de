import type { Segment } from "@branchcache/content-info";
import { type ManualClock, manualClock } from "@branchcache/runtime/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { type FoundPeer, type PeerFinder, type PeerSource, rememberPeers } from "../../src/index.ts";

const peer = (id: string): PeerSource => ({ id, addresses: [], kind: "peer" });
const segment = (number: number): Segment => {
  const id = new Uint8Array(32).fill(number);
  return {
    version: 2,
    algorithm: "sha512-truncated",
    id,
    secret: id,
    hashOfData: id,
    offsetBytes: 0,
    lengthBytes: 1,
    blockSizeBytes: 1,
    firstBlockIndex: 0,
    blockHashes: [id],
  };
};
const [a, b, c] = [segment(1), segment(2), segment(3)] as [Segment, Segment, Segment];
const never = new AbortController().signal;

let clock: ManualClock;
let questions: Segment[][];
let answers: (asked: readonly Segment[]) => FoundPeer[];
const inner: PeerFinder = {
  async *find(segments) {
    questions.push([...segments]);
    yield* answers(segments);
  },
};
const holdsAll = (id: string) => (asked: readonly Segment[]) => [
  { peer: peer(id), segments: asked.map((each) => ({ id: each.id, complete: true })) },
];

beforeEach(() => {
  clock = manualClock();
  questions = [];
  answers = holdsAll("x");
});

async function ask(finder: PeerFinder, ...segments: Segment[]): Promise<string[]> {
  const found: string[] = [];
  for await (const { peer: source, segments: held } of finder.find(segments, never)) {
    found.push(`${source.id}:${held.map(({ id }) => id[0]).join("")}`);
  }
  return found;
}

describe("remembered peers", () => {
  it("PCCRR-136 are given without asking again, and only for what they hold", async () => {
    const finder = rememberPeers(inner, { clock });
    expect(await ask(finder, a, b)).toEqual(["x:12"]);
    expect(await ask(finder, b)).toEqual(["x:2"]);
    expect(await ask(finder, a, b, c)).toEqual(["x:12", "x:3"]);
    expect(questions).toEqual([[a, b], [c]]);
  });

  it.each([
    [undefined, 60_000],
    [15_000, 15_000],
  ])("PCCRR-138 for their lifetime: %s", async (peerLifetimeMs, lifetimeMs) => {
    const finder = rememberPeers(inner, peerLifetimeMs === undefined ? { clock } : { clock, peerLifetimeMs });
    await ask(finder, a);
    await clock.advance(lifetimeMs - 1);
    await ask(finder, a);
    expect(questions).toHaveLength(1);
    await clock.advance(1);
    await ask(finder, a);
    expect(questions).toHaveLength(2);
  });

  it("PCCRR-137 nobody has it: not asked again for 15 s", async () => {
    answers = () => [];
    const finder = rememberPeers(inner, { clock });
    expect(await ask(finder, a)).toEqual([]);
    await clock.advance(14_999);
    expect(await ask(finder, a)).toEqual([]);
    expect(questions).toHaveLength(1);
    answers = holdsAll("y");
    await clock.advance(1);
    expect(await ask(finder, a)).toEqual(["y:1"]);
  });

  it("PCCRR-137 also for one of several segments, while others were found", async () => {
    answers = () => [{ peer: peer("x"), segments: [{ id: a.id, complete: true }] }];
    const finder = rememberPeers(inner, { clock });
    await ask(finder, a, b);
    expect(await ask(finder, b)).toEqual([]);
    await clock.advance(15_000);
    await ask(finder, a, b);
    expect(questions).toEqual([[a, b], [b]]);
  });

  it("PCCRR-136 at most 16 peers in a list, the last found stay", async () => {
    answers = (asked) => Array.from({ length: 20 }, (_, i) => holdsAll(`p${i}`)(asked)).flat();
    const finder = rememberPeers(inner, { clock });
    expect(await ask(finder, a)).toHaveLength(20);
    const remembered = await ask(finder, a);
    expect(remembered).toHaveLength(16);
    expect(remembered[0]).toBe("p4:1");
  });

  it("PCCRR-136 the least recently used list goes first", async () => {
    const finder = rememberPeers(inner, { clock, maxLists: 2 });
    await ask(finder, a);
    await ask(finder, b);
    await ask(finder, a);
    await ask(finder, c);
    await ask(finder, a);
    expect(questions).toEqual([[a], [b], [c]]);
    await ask(finder, b);
    expect(questions).toHaveLength(4);
  });

  it("a peer that is to be forgotten is not given again", async () => {
    const finder = rememberPeers(inner, { clock });
    await ask(finder, a);
    answers = holdsAll("y");
    finder.forget("x");
    expect(await ask(finder, a)).toEqual(["y:1"]);
  });

  it("a question that was broken off does not count as fruitless", async () => {
    answers = () => [...holdsAll("x")([a]), ...holdsAll("y")([a])];
    const finder = rememberPeers(inner, { clock });
    for await (const _ of finder.find([a, b], never)) break;
    expect(await ask(finder, b)).toEqual(["x:1", "y:1"]);
    expect(questions).toHaveLength(2);
  });
});
