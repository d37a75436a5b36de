import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, equalBytes, fromHex, toHex } from "../src/index.ts";

describe("hexadecimal", () => {
  it("reading undoes writing, in either case", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it("is written in lower case, two digits a byte", () => {
    expect(toHex(Uint8Array.of(0, 0x0a, 0xff))).toBe("000aff");
  });

  it.each(["0", "abc", "0x", "0g", " 00", "00 ", "-1", "1e+5"])("%j is none", (text) => {
    expect(fromHex(text)).toBeUndefined();
  });
});

describe("concatBytes", () => {
  it("joins copies", () => {
    const part = Uint8Array.of(1, 2);
    const joined = concatBytes(part, new Uint8Array(), Uint8Array.of(3));
    part.fill(9);
    expect(joined).toEqual(Uint8Array.of(1, 2, 3));
    expect(concatBytes()).toEqual(new Uint8Array());
  });
});

describe("equalBytes", () => {
  it("compares length and every byte, views of a buffer too", () => {
    const whole = Uint8Array.of(9, 1, 2, 3);
    expect(equalBytes(whole.subarray(1), Uint8Array.of(1, 2, 3))).toBe(true);
    expect(equalBytes(whole.subarray(1), Uint8Array.of(1, 2))).toBe(false);
    expect(equalBytes(whole.subarray(1), Uint8Array.of(1, 2, 4))).toBe(false);
    expect(equalBytes(new Uint8Array(), new Uint8Array())).toBe(true);
  });

  it("sees every byte of long arrays, wherever they start", () => {
    for (const length of [256, 257, 260, 263]) {
      const whole = Uint8Array.from({ length: length + 1 }, (_, i) => i);
      for (let at = 0; at < length; at++) {
        const other = whole.slice(1);
        expect(equalBytes(whole.subarray(1), other)).toBe(true);
        other[at] = (other[at] ?? 0) ^ 1;
        expect(equalBytes(whole.subarray(1), other), `byte ${at} of ${length}`).toBe(false);
      }
    }
  });
});
