import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decode,
  encode,
  type Layout,
  toHex,
  u8,
  u16be,
  u16le,
  u24le,
  u32be,
  u32le,
  u64be,
  u64le,
} from "../../src/index.ts";
import { fault } from "../support.ts";

const numbers: readonly (readonly [Layout<number>, number, readonly (readonly [number, string])[]])[] = [
  [
    u8,
    1,
    [
      [0, "00"],
      [0x7f, "7f"],
      [0xff, "ff"],
    ],
  ],
  [
    u16be,
    2,
    [
      [0, "0000"],
      [0x1234, "1234"],
      [0xffff, "ffff"],
    ],
  ],
  [
    u16le,
    2,
    [
      [0, "0000"],
      [0x1234, "3412"],
      [0xffff, "ffff"],
    ],
  ],
  [
    u24le,
    3,
    [
      [0, "000000"],
      [0x123456, "563412"],
      [0xffffff, "ffffff"],
    ],
  ],
  [
    u32be,
    4,
    [
      [0, "00000000"],
      [0x12345678, "12345678"],
      [0xffffffff, "ffffffff"],
    ],
  ],
  [
    u32le,
    4,
    [
      [0, "00000000"],
      [0x12345678, "78563412"],
      [0xffffffff, "ffffffff"],
    ],
  ],
  [
    u64be,
    8,
    [
      [1, "0000000000000001"],
      [2 ** 53 - 1, "001fffffffffffff"],
      [2 ** 32, "0000000100000000"],
    ],
  ],
  [
    u64le,
    8,
    [
      [1, "0100000000000000"],
      [2 ** 53 - 1, "ffffffffffff1f00"],
      [2 ** 32, "0000000001000000"],
    ],
  ],
];

describe.each(numbers.map((row) => [row[0].name, ...row] as const))("%s", (name, layout, size, pairs) => {
  it.each(pairs)("%d is %s", (value, hex) => {
    expect(toHex(encode(layout, value))).toBe(hex);
    expect(decode(layout, encode(layout, value))).toBe(value);
    expect(layout.size(value)).toBe(size);
  });

  it("decoding undoes encoding", () => {
    const max = size === 8 ? Number.MAX_SAFE_INTEGER : 2 ** (8 * size) - 1;
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((value) => value % (max + 1)),
        (value) => {
          expect(decode(layout, encode(layout, value))).toBe(value);
        },
      ),
    );
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, size === 8 ? 2 ** 53 : 2 ** (8 * size)])(
    "refuses to write %d",
    (value) => {
      expect(fault(() => encode(layout, value))).toMatchObject({ code: "BC_ENCODE_VALUE", structure: name });
    },
  );

  it("fails on every shorter input, and on one byte more", () => {
    for (let length = 0; length < size; length++) {
      expect(fault(() => decode(layout, new Uint8Array(length)))).toMatchObject({
        code: "BC_DECODE_TRUNCATED",
        structure: name,
        path: "",
        offsetBytes: 0,
      });
    }
    expect(fault(() => decode(layout, new Uint8Array(size + 1)))).toMatchObject({
      code: "BC_DECODE_TRAILING",
      offsetBytes: size,
    });
    expect(decode(layout, new Uint8Array(size + 1), { trailing: "allow" })).toBe(0);
  });
});

describe("64 bits", () => {
  it.each([u64be, u64le])("$name over 2^53 - 1 is a limit, not a rounded number", (layout) => {
    const over = layout === u64be ? [0, 0x20, 0, 0, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 0, 0x20, 0];
    for (const bytes of [Uint8Array.from(over), new Uint8Array(8).fill(0xff)]) {
      expect(fault(() => decode(layout, bytes))).toMatchObject({ code: "BC_DECODE_LIMIT", offsetBytes: 0 });
    }
  });
});
