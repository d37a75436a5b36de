import { manualClock, seededRandom } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalUri, newUuidUrn, SOAP_OVER_UDP_1_1, SOAP_OVER_UDP_2004 } from "../../src/index.ts";
import { DuplicateTable } from "../../src/protocol/duplicates.ts";
import { Pauses } from "../../src/protocol/pauses.ts";
import { pooledRandom, randomInteger } from "../../src/protocol/random.ts";
import { RateLimit } from "../../src/protocol/rate-limit.ts";
import { RecentMap } from "../../src/protocol/recent-map.ts";
import { SequenceCounter, SequenceOrder } from "../../src/protocol/sequence.ts";
import { type TransmissionTiming, transmissionDelays } from "../../src/protocol/transmission.ts";
import { identifierKey } from "../../src/protocol/uuid.ts";

/** Every draw is the lowest, the highest, or the wanted whole number from `min` to `max`. */
const fixed = (wanted: number, min: number, max: number) => {
  const fraction = (wanted - min + 0.5) / (max - min + 1);
  const value = BigInt(Math.floor(fraction * 2 ** 48));
  const bytes = Uint8Array.from({ length: 6 }, (_, i) => Number((value >> BigInt(8 * (5 - i))) & 0xffn));
  return { bytes: () => bytes };
};

describe("transmission", () => {
  const times = (timing: TransmissionTiming, firstMs: number) => {
    let atMs = 0;
    return [0, ...[...transmissionDelays(timing, fixed(firstMs, 50, 250))].map((delay) => (atMs += delay))];
  };

  it.each([
    [SOAP_OVER_UDP_2004.multicast, 50, [0, 50, 150, 350, 750]],
    [SOAP_OVER_UDP_2004.multicast, 250, [0, 250, 750, 1250, 1750]],
    [SOAP_OVER_UDP_1_1.multicast, 120, [0, 120, 360]],
    [SOAP_OVER_UDP_1_1.multicast, 250, [0, 250, 750]],
    [SOAP_OVER_UDP_1_1.unicast, 250, [0, 250]],
    [{ ...SOAP_OVER_UDP_1_1.unicast, repeat: 0 }, 250, [0]],
  ])("WSD-3 WSD-66 WSD-67 WSD-68 %o from %s ms sends at %o", (timing, firstMs, expected) => {
    expect(times(timing, firstMs)).toEqual(expected);
  });
});

describe("random", () => {
  it("draws whole numbers from min to max, both included", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(500), fc.nat(500), (seed, min, span) => {
        const value = randomInteger(seededRandom(seed), min, min + span);
        expect(Number.isInteger(value) && value >= min && value <= min + span).toBe(true);
      }),
    );
    expect(randomInteger({ bytes: (length) => new Uint8Array(length) }, 3, 9)).toBe(3);
    expect(randomInteger({ bytes: (length) => new Uint8Array(length).fill(255) }, 3, 9)).toBe(9);
  });

  it("hands out the bytes of its source in order, and asks it seldom", () => {
    const [source, same] = [seededRandom(3), seededRandom(3)];
    let asked = 0;
    const pooled = pooledRandom({
      bytes: (length) => {
        asked++;
        return source.bytes(length);
      },
    });
    const taken = [6, 16, 1_000, 2, 1_024, 5_000].map((length) => pooled.bytes(length));
    expect(taken.map((bytes) => bytes.length)).toEqual([6, 16, 1_000, 2, 1_024, 5_000]);
    const first = same.bytes(1_024);
    expect(taken[1]).toEqual(first.slice(6, 22));
    expect(taken[3]).toEqual(first.slice(1_022));
    expect(asked).toBe(3);
  });

  it("WSD-10 makes a version 4 UUID, new each time", () => {
    const random = seededRandom(7);
    const ids = Array.from({ length: 50 }, () => newUuidUrn(random));
    expect(new Set(ids).size).toBe(50);
    for (const id of ids)
      expect(id).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe("identifiers", () => {
  const canonical = "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5";
  it.each([
    [canonical, canonical],
    ["uuid:6A1E8B6C-2d7f-4c55-8e3a-91b0c4d2f7a5", canonical],
    ["6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5", canonical],
    ["{6A1E8B6C-2D7F-4C55-8E3A-91B0C4D2F7A5}", canonical],
    ["URN:UUID:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5", canonical],
    ["http://Example.org/A", "http://Example.org/A"],
    ["urn:uuid:6a1e8b6c", "urn:uuid:6a1e8b6c"],
  ])("W-4 %s is %s", (uri, expected) => {
    expect(canonicalUri(uri)).toBe(expected);
    expect(identifierKey(uri)).toBe(identifierKey(expected));
  });

  it("W-4 two identifiers have one key only if they mean the same", () => {
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF"), minLength: length, maxLength: length });
    const uuid = fc
      .tuple(hex(8), hex(4), hex(4), hex(4), hex(12))
      .map((groups) => `urn:uuid:${groups.join("-")}`);
    const id = fc.oneof(
      uuid,
      fc.string({ unit: "binary" }),
      fc.constantFrom("urn:uuid:", `urn:uuid:${"0".repeat(36)}`),
    );
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(identifierKey(one) === identifierKey(other)).toBe(canonicalUri(one) === canonicalUri(other));
      }),
    );
  });

  it.each([
    "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7ag",
    "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a+91b0c4d2f7a5",
    "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a\u0665",
    "identifier ",
    "",
  ])("W-4 %s is no UUID, and has a key of its own", (id) => {
    expect(identifierKey(id)).toBe(`identifier ${id}`);
  });
});

describe("pauses", () => {
  it("WSD-69 do what falls due, one timer for each millisecond, and nothing once ended", async () => {
    const clock = manualClock();
    const pauses = new Pauses(clock);
    const done: string[] = [];
    pauses.after(5, { run: () => done.push("a") });
    pauses.after(4.5, { run: () => done.push("b") });
    pauses.after(7, { run: () => done.push("c") });
    const waited = pauses.wait(100);
    expect(clock.pending).toBe(3);
    await clock.advance(4);
    expect(done).toEqual([]);
    await clock.advance(1);
    expect(done).toEqual(["a", "b"]);
    pauses.end();
    pauses.after(1, { run: () => done.push("d") });
    expect([await waited, await pauses.wait(1), clock.pending]).toEqual([false, false, 0]);
    await clock.advance(100);
    expect(done).toEqual(["a", "b"]);
  });

  it.each([0, 0.75])("PCCRD-61 a short wait is kept by a clock that calls %s ms early", async (earlyMs) => {
    const clock = manualClock();
    const after = (ms: number, fn: () => void) => clock.after(Math.max(ms - earlyMs, 0.25), fn);
    const pauses = new Pauses({ ...clock, after });
    await clock.advance(0.25);
    const done: number[] = [];
    pauses.after(1, { run: () => done.push(clock.monotonicMs()) });
    await clock.advance(10);
    expect(done).toEqual([1.25]);
    pauses.after(2, { run: () => done.push(clock.monotonicMs()) });
    await clock.advance(1.5);
    pauses.end();
    await clock.advance(10);
    expect([done, clock.pending]).toEqual([[1.25], 0]);
  });
});

describe("what was set lately", () => {
  it("is there for at least so many others, and gone after twice as many", () => {
    const map = new RecentMap<number>(10);
    for (let i = 0; i < 1_000; i++) {
      map.set(`${i}`, i);
      for (let back = 0; back < 10 && back <= i; back++) expect(map.get(`${i - back}`)).toBe(i - back);
      expect(map.get(`${i - 20}`)).toBeUndefined();
    }
    map.set("999", 1);
    expect(map.get("999")).toBe(1);
    map.delete("999");
    expect(map.get("999")).toBeUndefined();
  });
});

describe("duplicates", () => {
  it("WSD-13 W-5 remembers an identifier for ten seconds, however it is spelled", () => {
    const table = new DuplicateTable();
    const isNew = (id: string, nowMs: number) => table.isNew(identifierKey(id), nowMs);
    expect(isNew("urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5", 0)).toBe(true);
    expect(isNew("6A1E8B6C-2D7F-4C55-8E3A-91B0C4D2F7A5", 9_999)).toBe(false);
    expect(isNew("6A1E8B6C-2D7F-4C55-8E3A-91B0C4D2F7A5", 10_000)).toBe(true);
  });

  it("W-5 is bounded: the oldest leave first", () => {
    const table = new DuplicateTable();
    for (let i = 0; i <= 16_384; i++) table.isNew(`urn:${i}`, i / 1_000);
    expect(table.isNew("urn:8193", 17)).toBe(false);
    expect(table.isNew("urn:0", 17)).toBe(true);
  });
});

describe("application sequence", () => {
  it("WSD-53 WSD-54 counts from 1 within one instance", () => {
    const counter = new SequenceCounter(1_767_225_600);
    expect([counter.next(), counter.next()]).toEqual([
      { instanceId: 1_767_225_600, messageNumber: 1 },
      { instanceId: 1_767_225_600, messageNumber: 2 },
    ]);
  });

  it("WSD-56 WSD-57 orders the messages of one endpoint and sequence, and of no other", () => {
    const order = new SequenceOrder();
    const steps = [
      ["a", 1, 5, "new"],
      ["a", 1, 4, "older"],
      ["a", 1, 5, "older"],
      ["b", 1, 1, "new"],
      ["a", 1, 6, "new"],
      ["a", 2, 1, "restarted"],
      ["a", 1, 9, "older"],
      ["a", 2, 2, "new"],
    ] as const;
    for (const [address, instanceId, messageNumber, expected] of steps) {
      expect(order.judge(address, { instanceId, messageNumber })).toBe(expected);
    }
    expect(order.judge("a", { instanceId: 2, messageNumber: 1, sequenceId: "urn:s" })).toBe("new");
    expect(order.judge("a", undefined)).toBe("new");
  });
});

describe("rate limit", () => {
  it("W-15 allows a second's worth at once, then so many a second, for each source", () => {
    const limit = new RateLimit(10);
    const taken = (source: string, nowMs: number) => {
      let count = 0;
      while (limit.take(source, nowMs)) count++;
      return count;
    };
    expect(taken("a", 0)).toBe(10);
    expect(taken("b", 0)).toBe(10);
    expect(taken("a", 99)).toBe(0);
    expect(taken("a", 200)).toBe(2);
    expect(taken("a", 60_000)).toBe(10);
  });
});
