import { seededRandom } from "@branchcache/runtime/testing";
import { writeMessage } from "dgram-ws-discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idsPerProbe } from "../../src/client/ids-per-probe.ts";
import { Throttle } from "../../src/client/throttle.ts";
import { ExpiringMap } from "../../src/expiring-map.ts";
import { PREFIXES } from "../../src/formats.ts";
import { peerProbe } from "../../src/messages/probe.ts";
import { Republication } from "../../src/republication.ts";
import { A, B } from "../support.ts";

describe("batches", () => {
  it.each([
    [1, 32, 1_472, 11],
    [1, 32, 1_232, 7],
    [2, 32, 1_472, 16],
    [2, 32, 1_232, 10],
    [1, 64, 1_472, 5],
    [1, 32, 100, 1],
    [2, 32, 1_000_000, 255],
  ] as const)(
    "W-11 version %s, identifiers of %s bytes: %s bytes take %s",
    (version, idBytes, payload, count) => {
      expect(idsPerProbe(version, idBytes, payload)).toBe(count);
    },
  );

  it("W-11 fill a datagram and do not pass it", () => {
    const size = (version: 1 | 2, count: number, idBytes: number) =>
      writeMessage(
        {
          version: "2005/04",
          kind: "Probe",
          messageId: `urn:uuid:${crypto.randomUUID()}`,
          probe: peerProbe(
            version,
            Array.from({ length: count }, () => new Uint8Array(idBytes)),
          ),
        },
        { prefixes: PREFIXES },
      ).length;
    fc.assert(
      fc.property(
        fc.constantFrom<1 | 2>(1, 2),
        fc.constantFrom(32, 48, 64),
        fc.integer({ min: 900, max: 3_000 }),
        (version, idBytes, payload) => {
          const count = idsPerProbe(version, idBytes, payload);
          expect(size(version, count, idBytes)).toBeLessThanOrEqual(payload);
          expect(size(version, count + 1, idBytes)).toBeGreaterThan(payload);
        },
      ),
    );
  });
});

describe("throttle", () => {
  it("PCCRD-72 lets so many start in any second", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(300), { maxLength: 200 }), (max, gaps) => {
        const throttle = new Throttle(max);
        const starts: number[] = [];
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          nowMs += throttle.waitMs(nowMs);
          expect(throttle.waitMs(nowMs)).toBe(0);
          throttle.started(nowMs);
          starts.push(nowMs);
        }
        for (const [i, start] of starts.entries()) {
          const later = starts[i + max];
          if (later !== undefined) expect(later - start).toBeGreaterThanOrEqual(1_000);
        }
      }),
    );
  });
});

describe("memory", () => {
  it("forgets after its time", () => {
    const map = new ExpiringMap<string>(100);
    map.set("a", "x", 0);
    expect([map.get("a", 99), map.get("a", 100), map.get("a", 99)]).toEqual(["x", undefined, undefined]);
    map.set("a", "y", 200);
    map.delete("a");
    expect(map.get("a", 200)).toBeUndefined();
  });

  it("keeps no more than it may, the newest", () => {
    const map = new ExpiringMap<number>(1_000, 3);
    for (let i = 0; i < 5; i++) map.set(`${i}`, i, i);
    map.set("2", 22, 5);
    map.set("5", 5, 6);
    expect(["0", "1", "2", "3", "4", "5"].map((key) => map.get(key, 7))).toEqual([
      undefined,
      undefined,
      22,
      undefined,
      4,
      5,
    ]);
  });
});

describe("republication", () => {
  const rate = (quorum: number, peers: number, complete: number, nowMs = 0) => {
    const republication = new Republication(quorum, seededRandom(3));
    republication.remember(A, { peers, complete }, 0);
    const draws = 2_000;
    let answers = 0;
    for (let i = 0; i < draws; i++) if (republication.mayAnswer(A, nowMs)) answers++;
    return Math.round((answers / draws) * 20) / 20;
  };

  it.each([
    ["few answers", 10, 9, 9, 1],
    ["enough answers, all complete", 10, 10, 10, 0],
    ["more than enough", 10, 30, 12, 0],
    ["enough answers, too few complete", 10, 10, 9, 0.35],
    ["a quorum of one", 1, 1, 1, 0],
    ["switched off", 0, 30, 30, 1],
  ])("PCCRD-66 PCCRD-67 %s", (_, quorum, peers, complete, expected) => {
    expect(rate(quorum, peers, complete)).toBe(expected);
  });

  it("PCCRD-67 forgets after an hour", () => {
    expect(rate(10, 10, 10, 3_599_999)).toBe(0);
    expect(rate(10, 10, 10, 3_600_000)).toBe(1);
  });

  it("PCCRD-67 the first look counts until it is forgotten", () => {
    const republication = new Republication(2, seededRandom(1));
    republication.remember(A, { peers: 0, complete: 0 }, 0);
    republication.remember(A, { peers: 9, complete: 9 }, 1_000);
    expect(republication.mayAnswer(A, 2_000)).toBe(true);
    republication.remember(A, { peers: 9, complete: 9 }, 3_600_000);
    expect(republication.mayAnswer(A, 3_600_001)).toBe(false);
    expect(republication.mayAnswer(B, 0)).toBe(true);
  });
});
