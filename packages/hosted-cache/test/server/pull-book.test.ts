import type { Endpoint } from "@branchcache/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_BOOK_LIMITS } from "../../src/index.ts";
import { type BookEffect, type OfferedItem, PullBook, type PullJob } from "../../src/server/pull-book.ts";
import type { BookLimits, PullOutcome } from "../../src/server/pull-rules.ts";
import { v1Segment } from "../content.ts";

const client = (number: number, port = 80): Endpoint => ({ address: `192.0.2.${number}`, port });
const blind = (key: string, state: OfferedItem["state"] = "missing"): OfferedItem => ({
  key,
  state,
  wanted: {
    kind: "blind",
    tag: "",
    segment: { id: new Uint8Array(32), algorithm: "sha512-truncated", lengthBytes: 1, blockSizeBytes: 1 },
  },
});

/** A book with its jobs under way. */
class Bench {
  readonly book: PullBook;
  readonly running: PullJob[] = [];
  readonly refused: (BookEffect & { kind: "refused" })[] = [];
  nowMs = 0;

  constructor(limits: Partial<BookLimits> = {}) {
    this.book = new PullBook({ ...DEFAULT_BOOK_LIMITS, ...limits });
  }

  offer(from: Endpoint, ...items: readonly OfferedItem[]): void {
    this.#note(this.book.step({ kind: "offered", from, items }, this.nowMs));
  }

  end(outcome: PullOutcome, at = 0): PullJob {
    const [job] = this.running.splice(at, 1);
    if (!job) throw new Error("no pull under way");
    this.#note(this.book.step({ kind: "pulled", job, outcome }, this.nowMs));
    return job;
  }

  get asked(): string[] {
    return this.running.map(({ from, key }) => `${key} from ${from.address.slice(8)}`);
  }

  #note(effects: readonly BookEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "pull") this.running.push(effect.job);
      else this.refused.push(effect);
    }
  }
}

describe("pulls", () => {
  it("PCHC-46 pulls from the client that offered, at the port of that message", () => {
    const bench = new Bench();
    bench.offer(client(1, 1337), blind("a"));
    expect(bench.running[0]?.from).toEqual({ address: "192.0.2.1", port: 1337 });
  });

  it("PCHC-53 pulls what is missing and not what is held", () => {
    const bench = new Bench();
    bench.offer(client(1), blind("a"), blind("b", "held"), blind("c", "blind"));
    expect(bench.asked).toEqual(["a from 1"]);
  });

  it("pulls a segment once, whoever offers it meanwhile", () => {
    const bench = new Bench();
    bench.offer(client(1), blind("a"));
    bench.offer(client(2), blind("a"));
    bench.offer(client(1), blind("a"));
    expect(bench.asked).toEqual(["a from 1"]);
    bench.end("complete");
    expect(bench.book.size).toEqual(0);
  });

  it.each(["partial", "nothing", "failed", "lied"] as const)(
    "asks the next offerer after one that ends as %s",
    (how) => {
      const bench = new Bench();
      for (const number of [1, 2, 3]) bench.offer(client(number), blind("a"));
      bench.end(how);
      expect(bench.asked).toEqual(["a from 2"]);
      bench.end(how);
      bench.end("complete");
      expect([bench.asked, bench.book.size, bench.book.pulls]).toEqual([[], 0, 0]);
    },
  );

  it("asks the same client again when it offered more while it was asked", () => {
    const bench = new Bench();
    bench.offer(client(1), blind("a"));
    bench.offer(client(1), blind("a"));
    bench.end("partial");
    expect(bench.asked).toEqual(["a from 1"]);
    bench.end("partial");
    expect(bench.book.size).toEqual(0);
  });

  it("forgets a segment that nobody gives, and takes the next offer of it", () => {
    const bench = new Bench();
    bench.offer(client(1), blind("a"));
    bench.end("nothing");
    expect(bench.book.size).toEqual(0);
    bench.offer(client(1), blind("a"));
    expect(bench.asked).toEqual(["a from 1"]);
  });

  it("gives up where there is no room", () => {
    const bench = new Bench();
    bench.offer(client(1), blind("a"));
    bench.offer(client(2), blind("a"));
    bench.end("refused");
    expect([bench.asked, bench.book.size]).toEqual([[], 0]);
  });

  it("pulls again, verified, when the hashes come while a blind pull is under way", () => {
    const bench = new Bench();
    const segment = v1Segment(2);
    bench.offer(client(1), blind("a"));
    bench.offer(client(2), { key: "a", state: "missing", wanted: { kind: "verified", segment, tag: "" } });
    bench.end("complete");
    expect(bench.running[0]?.wanted.kind).toEqual("verified");
    bench.end("complete");
    expect(bench.book.size).toEqual(0);
  });
});

describe("limits", () => {
  const keys = (count: number, prefix: string): OfferedItem[] =>
    Array.from({ length: count }, (_, i) => blind(`${prefix}${i}`));

  it("has so many pulls under way in all, and so many from one client", () => {
    const bench = new Bench({ maxPulls: 5, maxPullsPerClient: 3 });
    bench.offer(client(1), ...keys(10, "a"));
    expect(bench.running).toHaveLength(3);
    bench.offer(client(2), ...keys(10, "b"));
    expect(bench.running.map(({ from }) => from.address.slice(8)).sort()).toEqual(["1", "1", "1", "2", "2"]);
    expect(bench.book.pulls).toEqual(5);
  });

  it("lets clients take turns, however much one of them has", () => {
    const bench = new Bench({ maxPulls: 1 });
    bench.offer(client(1), ...keys(100, "a"));
    bench.offer(client(2), ...keys(2, "b"));
    const order: string[] = [];
    for (let i = 0; i < 6; i++) order.push(bench.end("complete").key);
    expect(order, "who comes new goes to the end of the turn").toEqual(["a0", "a1", "b0", "a2", "b1", "a3"]);
  });

  it("refuses what goes beyond a client's share or the whole, and says so", () => {
    const bench = new Bench({ maxPulls: 1, maxSegments: 10, maxSegmentsPerClient: 6 });
    bench.offer(client(1), ...keys(8, "a"));
    expect(bench.refused).toEqual([{ kind: "refused", from: client(1), segments: 2, reason: "client" }]);
    bench.offer(client(2), ...keys(6, "b"));
    expect(bench.refused[1]).toEqual({ kind: "refused", from: client(2), segments: 2, reason: "queue" });
    expect(bench.book.size).toEqual(10);
  });

  it("remembers so many offerers of one segment", () => {
    const bench = new Bench({ maxOfferers: 3 });
    for (let number = 1; number <= 9; number++) bench.offer(client(number), blind("a"));
    const asked: string[] = [];
    while (bench.running.length > 0) asked.push(bench.end("nothing").from.address.slice(8));
    expect(asked).toEqual(["1", "2", "3", "4"]);
  });

  it("leaves a client alone for a while that fails again and again, and drops what waited for it", () => {
    const bench = new Bench({ maxPulls: 1, maxFailures: 3, restMs: 60_000 });
    bench.offer(client(1), ...keys(100, "a"));
    bench.offer(client(2), blind("a50"));
    for (let i = 0; i < 3; i++) bench.end("failed");
    expect([bench.book.size, bench.asked]).toEqual([1, ["a50 from 2"]]);
    bench.end("complete");
    bench.offer(client(1), blind("x"));
    expect(bench.refused.at(-1)).toEqual({
      kind: "refused",
      from: client(1),
      segments: 1,
      reason: "resting",
    });
    bench.nowMs = 60_000;
    bench.offer(client(1), blind("x"));
    expect(bench.asked).toEqual(["x from 1"]);
  });

  it("counts failures one after another only", () => {
    const bench = new Bench({ maxPulls: 1, maxFailures: 2 });
    bench.offer(client(1), ...keys(5, "a"));
    for (const how of ["failed", "complete", "failed", "complete"] as const) bench.end(how);
    expect(bench.asked).toEqual(["a4 from 1"]);
  });

  it("leaves a liar alone for longer", () => {
    const bench = new Bench({ quarantineMs: 600_000 });
    bench.offer(client(1), blind("a"));
    bench.end("lied");
    bench.nowMs = 599_999;
    bench.offer(client(1), blind("b"));
    expect(bench.asked).toEqual([]);
    bench.nowMs = 600_000;
    bench.offer(client(1), blind("b"));
    expect(bench.asked).toEqual(["b from 1"]);
  });
});

describe("blind copies that are doubted", () => {
  const held = (bench: Bench): void => {
    bench.offer(client(1), blind("a"));
    bench.end("complete");
    bench.nowMs += 10_000;
  };

  it("believes the first copy while one other client offers the segment again, however often", () => {
    const bench = new Bench();
    held(bench);
    for (let i = 0; i < 5; i++) bench.offer(client(2), blind("a", "blind"));
    expect(bench.asked).toEqual([]);
  });

  it("pulls it anew, from one of those who offered it again, when there are two of them", () => {
    const bench = new Bench();
    held(bench);
    bench.offer(client(2), blind("a", "blind"));
    bench.offer(client(3), blind("a", "blind"));
    expect(bench.asked).toEqual(["a from 2"]);
    expect(bench.running[0]?.replaces).toEqual(true);
    bench.end("nothing");
    expect(bench.asked).toEqual(["a from 3"]);
    bench.end("complete");
    bench.nowMs += 10_000;
    bench.offer(client(2), blind("a", "blind"));
    expect(bench.asked, "the new copy is believed as the first was").toEqual([]);
  });

  it("never for the word of the one it came from", () => {
    const bench = new Bench({ doubtAfter: 1 });
    held(bench);
    bench.offer(client(1), blind("a", "blind"));
    expect(bench.asked).toEqual([]);
    bench.offer(client(2), blind("a", "blind"));
    expect(bench.asked).toEqual(["a from 2"]);
  });

  it("takes no notice of those who fetched it at the same time", () => {
    const bench = new Bench();
    bench.offer(client(1), blind("a"));
    bench.end("complete");
    bench.nowMs = 9_999;
    for (const number of [2, 3, 4]) bench.offer(client(number), blind("a", "blind"));
    expect(bench.asked).toEqual([]);
    bench.nowMs = 10_000;
    for (const number of [2, 3]) bench.offer(client(number), blind("a", "blind"));
    expect(bench.asked).toEqual(["a from 2"]);
  });

  it("doubts copies from before it was started, too", () => {
    const bench = new Bench();
    for (const number of [1, 2]) bench.offer(client(number), blind("a", "blind"));
    expect(bench.asked).toEqual(["a from 1"]);
  });

  it("never doubts what was verified", () => {
    const bench = new Bench();
    for (const number of [1, 2, 3]) bench.offer(client(number), blind("a", "held"));
    expect(bench.asked).toEqual([]);
  });
});

describe("properties", () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("offer" as const),
      from: fc.integer({ min: 1, max: 12 }),
      keys: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }),
      state: fc.constantFrom("missing" as const, "blind" as const, "held" as const),
    }),
    fc.record({
      kind: fc.constant("end" as const),
      at: fc.nat(10),
      how: fc.constantFrom<PullOutcome>("complete", "partial", "nothing", "failed", "lied", "refused"),
    }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 100_000 }) }),
  );

  it("keeps its limits, pulls nothing twice at once, and comes to rest", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const bench = new Bench({
          maxPulls: 4,
          maxPullsPerClient: 2,
          maxSegments: 20,
          maxSegmentsPerClient: 8,
        });
        for (const each of steps) {
          if (each.kind === "offer")
            bench.offer(client(each.from), ...each.keys.map((key) => blind(`${key}`, each.state)));
          else if (each.kind === "wait") bench.nowMs += each.ms;
          else if (bench.running.length > 0) bench.end(each.how, each.at % bench.running.length);
          const { running } = bench;
          expect(running.length).toEqual(bench.book.pulls);
          expect(running.length).toBeLessThanOrEqual(4);
          expect(bench.book.size).toBeLessThanOrEqual(20);
          expect(new Set(running.map(({ key }) => key)).size).toEqual(running.length);
          const perClient = new Map<string, number>();
          for (const { from } of running) perClient.set(from.address, (perClient.get(from.address) ?? 0) + 1);
          expect(Math.max(0, ...perClient.values())).toBeLessThanOrEqual(2);
        }
        for (let left = 10_000; bench.running.length > 0 && left > 0; left--) bench.end("nothing");
        expect([bench.running.length, bench.book.size, bench.book.pulls]).toEqual([0, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});
