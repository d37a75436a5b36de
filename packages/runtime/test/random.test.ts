import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, randomFraction, randomInteger, randomUuid, toHex } from "../src/index.ts";
import { systemRandom } from "../src/node.ts";
import { seededRandom } from "../src/testing.ts";

const always = (byte: number): Random => ({ bytes: (length) => new Uint8Array(length).fill(byte) });

describe("randomFraction", () => {
  it("goes from 0 up to, but not including, 1", () => {
    expect(randomFraction(always(0))).toBe(0);
    expect(randomFraction(always(0xff))).toBeLessThan(1);
    expect(randomFraction(always(0x80))).toBeCloseTo(0.50196, 5);
  });
});

describe("randomInteger", () => {
  it.each([
    [0, 0],
    [3, 5],
    [-2, 2],
  ])("includes both %d and %d", (min, max) => {
    expect(randomInteger(always(0), min, max)).toBe(min);
    expect(randomInteger(always(0xff), min, max)).toBe(max);
  });

  it("stays within, and meets every value", () => {
    const random = seededRandom(1);
    const seen = new Set(Array.from({ length: 500 }, () => randomInteger(random, 1, 6)));
    expect([...seen].sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("randomUuid", () => {
  it.each([
    [0x00, "00000000-0000-4000-8000-000000000000"],
    [0xff, "ffffffff-ffff-4fff-bfff-ffffffffffff"],
  ])("of bytes %i has version 4 and the RFC's variant", (byte, uuid) => {
    expect(randomUuid(always(byte))).toBe(uuid);
  });

  it("differs from the one before", () => {
    const random = seededRandom(1);
    expect(new Set(Array.from({ length: 100 }, () => randomUuid(random))).size).toBe(100);
  });
});

describe("seededRandom", () => {
  it("gives the same bytes for the same seed, on every machine", () => {
    expect(toHex(seededRandom(1).bytes(8))).toBe(toHex(seededRandom(1).bytes(8)));
    expect(toHex(seededRandom(1).bytes(8))).not.toBe(toHex(seededRandom(2).bytes(8)));
  });

  it("goes on where it stopped, however the bytes are asked for", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.nat(20), { maxLength: 5 }), (seed, lengths) => {
        const pieces = seededRandom(seed);
        const parts = lengths.map((length) => toHex(pieces.bytes(length))).join("");
        expect(parts).toBe(toHex(seededRandom(seed).bytes(parts.length / 2)));
      }),
    );
  });
});

describe("systemRandom", () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 200_000])("fills %d bytes to the end", (length) => {
    const bytes = systemRandom.bytes(length);
    expect(bytes).toHaveLength(length);
    if (length > 1000) {
      expect(bytes.subarray(-16).some((byte) => byte !== 0)).toBe(true);
      expect(bytes.subarray(0, 16)).not.toEqual(systemRandom.bytes(16));
    }
  });
});
