import { decode, encode, fromHex, toHex } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { bareSegmentAge, decodeSegmentAges, encodeSegmentAges } from "../../src/index.ts";

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;

describe("segment ages", () => {
  it.each([
    [1, 5_000],
    [2, 500],
    [3, 50],
    [4, 5],
  ])("PCCRR-70 unit %i", (unit, ageMs) => {
    expect(decodeSegmentAges(hex(`00010${unit}0100050000`))).toEqual([{ segmentIndex: 0, ageMs }]);
  });

  it("PCCRR-28 PCCRR-68 PCCRR-69 writes version 1, hundredths of a second, low byte first", () => {
    const ages = [
      { segmentIndex: 0, ageMs: 1_234_500 },
      { segmentIndex: 1, ageMs: 60_000 },
    ];
    expect(toHex(encodeSegmentAges(ages))).toBe("00010302003ae20101701700");
    expect(decodeSegmentAges(encodeSegmentAges(ages))).toEqual(ages);
  });

  it.each([
    ["PCCRR-64 of no bytes", ""],
    ["PCCRR-64 of one byte", "00"],
    ["PCCRR-67 of three bytes", "000103"],
    ["PCCRR-65 of version 2", "0002030100050000"],
    ["PCCRR-67 with unit 0", "0001000100050000"],
    ["PCCRR-67 with unit 5", "0001050100050000"],
    ["PCCRR-66 PCCRR-67 shorter than its count", "0001030200050000"],
  ])("discards a blob %s", (_, text) => {
    expect(decodeSegmentAges(hex(text))).toBeUndefined();
  });

  it("PCCRR-67 accepts a blob longer than its count", () => {
    expect(decodeSegmentAges(hex("000103010005000099"))).toHaveLength(1);
  });

  it.each([
    ["PCCRR-30 clamps an age over 46 hours", 1e12, "ffffff"],
    ["PCCRR-30 clamps an age below 0", -1, "000000"],
  ])("%s", (_, ageMs, text) => {
    expect(toHex(encodeSegmentAges([{ segmentIndex: 7, ageMs }]))).toBe(`0001030107${text}`);
  });

  it("leaves out what a blob cannot index, and all above 255 ages", () => {
    const ages = Array.from({ length: 300 }, (_, segmentIndex) => ({ segmentIndex, ageMs: 10 }));
    expect(decodeSegmentAges(encodeSegmentAges(ages))).toHaveLength(255);
    expect(decodeSegmentAges(encodeSegmentAges(ages.slice(250)))).toHaveLength(6);
  });

  it("PCCRR-29 an age that stands alone is in hundredths of a millisecond", () => {
    const age = decode(bareSegmentAge, hex("07640000"));
    expect(age).toEqual({ segmentIndex: 7, ageMs: 1 });
    expect(toHex(encode(bareSegmentAge, age))).toBe("07640000");
  });
});
