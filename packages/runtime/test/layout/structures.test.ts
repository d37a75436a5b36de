import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decode,
  encode,
  errorCode,
  items,
  type Layout,
  list,
  mapped,
  sizedBytes,
  struct,
  toHex,
  u8,
  u16be,
  u32le,
} from "../../src/index.ts";
import { fault } from "../support.ts";
import { anyMessage, changedBytes, good, goodBytes, hex, type Message, message } from "./message.ts";

describe("a structure", () => {
  it("is written and read as declared", () => {
    expect(toHex(encode(message, good))).toBe(toHex(goodBytes));
    expect(message.size(good)).toBe(goodBytes.length);
    expect(decode(message, goodBytes)).toEqual(good);
  });

  it("is read from the middle of a larger buffer", () => {
    const larger = new Uint8Array(goodBytes.length + 20).fill(0xee);
    larger.set(goodBytes, 7);
    expect(decode(message, larger.subarray(7, 7 + goodBytes.length))).toEqual(good);
  });

  it("lends its byte fields from the input", () => {
    const input = goodBytes.slice();
    const read = decode(message, input);
    input.fill(0x55, 13, 15);
    expect(toHex(read.segments[0]?.hash ?? new Uint8Array())).toBe("5555");
  });

  it("cut at every byte, is truncated", () => {
    for (let length = 0; length < goodBytes.length; length++) {
      expect(fault(() => decode(message, goodBytes.subarray(0, length)))).toMatchObject({
        code: "BC_DECODE_TRUNCATED",
        structure: "Message",
      });
    }
  });

  it.each<readonly [string, string, string, string, number]>([
    ["a wrong constant", "0200 0100", "BC_DECODE_VALUE", "version", 0],
    ["too few items", "0100 0000", "BC_DECODE_LIMIT", "segments", 2],
    ["too many items", "0100 0400", "BC_DECODE_LIMIT", "segments", 2],
    ["65,535 items", "0100 ffff", "BC_DECODE_LIMIT", "segments", 2],
    ["no legal value", "0100 0100 0000000000000000 03", "BC_DECODE_VALUE", "segments[0].hashBytes", 12],
    [
      "an offset over 2^53 - 1",
      "0100 0100 ffffffffffffffff 02",
      "BC_DECODE_LIMIT",
      "segments[0].offsetBytes",
      4,
    ],
    [
      "the second item cut",
      "0100 0200 0000000000000000 02 aabb 00",
      "BC_DECODE_TRUNCATED",
      "segments[1].offsetBytes",
      15,
    ],
    [
      "a length over its limit",
      "0100 0100 0000000000000000 02 aabb 00000006",
      "BC_DECODE_LIMIT",
      "vendor",
      15,
    ],
    ["a length of 4 GiB", "0100 0100 0000000000000000 02 aabb ffffffff", "BC_DECODE_LIMIT", "vendor", 15],
    [
      "padding cut",
      "0100 0100 0000000000000000 02 aabb 00000001 01 0000",
      "BC_DECODE_TRUNCATED",
      "vendor",
      20,
    ],
    ["a rule broken", "0100 0100 0000000000000000 02 aabb 00000000 07", "BC_DECODE_VALUE", "tail", 19],
    ["bytes left over", "0100 0100 0000000000000000 02 aabb 00000000 08 00", "BC_DECODE_TRAILING", "", 20],
  ])("refuses %s, and says where", (_, input, code, path, offsetBytes) => {
    const error = fault(() => decode(message, hex(input)));
    expect(error).toMatchObject({ code, structure: "Message", path, offsetBytes });
    const field = path === "" ? "Message" : `Message.${path}`;
    expect((error as Error).message).toContain(`${field} at byte ${offsetBytes}: `);
  });

  it.each<readonly [string, unknown, string]>([
    ["a wrong constant", { ...good, version: 1 }, "version"],
    ["too few items", { ...good, segments: [] }, "segments"],
    ["too many items", { ...good, segments: Array(4).fill(good.segments[0]) }, "segments"],
    [
      "a hash of the wrong length",
      { ...good, segments: [{ offsetBytes: 0, hashBytes: 4, hash: hex("aabb") }] },
      "segments[0].hash",
    ],
    [
      "no legal value",
      { ...good, segments: [{ offsetBytes: 0, hashBytes: 3, hash: hex("aabbcc") }] },
      "segments[0].hashBytes",
    ],
    ["bytes over the limit", { ...good, vendor: new Uint8Array(6) }, "vendor"],
    ["a rule broken", { ...good, tail: 7 }, "tail"],
  ])("does not write %s, and says where", (_, value, path) => {
    expect(fault(() => encode(message, value as Message))).toMatchObject({
      code: "BC_ENCODE_VALUE",
      structure: "Message",
      path,
    });
  });

  it("decoding undoes encoding", () => {
    fc.assert(
      fc.property(anyMessage, (value) => {
        const written = encode(message, value);
        expect(written.length).toBe(message.size(value));
        expect(decode(message, written)).toEqual(value);
      }),
    );
  });

  it("random bytes, and good bytes with one changed, give a value or a DecodeError", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), changedBytes), (input) => {
        let value: Message;
        try {
          value = decode(message, input);
        } catch (error) {
          expect(errorCode(error)).toMatch(/^BC_DECODE_/);
          return;
        }
        expect(decode(message, encode(message, value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });
});

describe("sizedBytes", () => {
  it.each([
    [0, "00"],
    [1, "01 aa 000000"],
    [3, "03 aaaaaa 00"],
    [4, "04 aaaaaaaa"],
    [5, "05 aaaaaaaaaa 000000"],
  ])("%d bytes are padded to a multiple of four", (length, expected) => {
    const layout = sizedBytes(u8, { max: 8, padTo: 4 });
    const value = new Uint8Array(length).fill(0xaa);
    expect(toHex(encode(layout, value))).toBe(toHex(hex(expected)));
    expect(decode(layout, hex(expected))).toEqual(value);
  });

  it("does not look at the padding", () => {
    expect(decode(sizedBytes(u8, { max: 8, padTo: 4 }), hex("01 aa ffffff"))).toEqual(hex("aa"));
  });

  it("says that a length does not fit its field", () => {
    const layout = sizedBytes(u8, { max: 1000 });
    expect(fault(() => encode(layout, new Uint8Array(300)))).toMatchObject({ code: "BC_ENCODE_VALUE" });
  });
});

describe("a hostile count", () => {
  it("of four thousand million items ends with the bytes, having read only those", () => {
    let read = 0;
    const counted: Layout<number> = {
      ...u8,
      read(reader) {
        read++;
        return u8.read(reader);
      },
    };
    const layout = list(u32le, counted, { max: 0xffff_ffff });
    expect(fault(() => decode(layout, hex("ffffffff 0102")))).toMatchObject({
      code: "BC_DECODE_TRUNCATED",
      path: "[2]",
      offsetBytes: 6,
    });
    expect(read).toBe(3);
  });
});

describe("items", () => {
  const layout = struct("Row", {
    count: u8,
    values: (before: { count: number }) => items(u16be, before.count),
  });

  it("takes its count from an earlier field", () => {
    expect(decode(layout, hex("02 0001 0002"))).toEqual({ count: 2, values: [1, 2] });
    expect(toHex(encode(layout, { count: 2, values: [1, 2] }))).toBe("0200010002");
  });

  it("refuses to write another number of them", () => {
    expect(fault(() => encode(layout, { count: 3, values: [1, 2] }))).toMatchObject({
      code: "BC_ENCODE_VALUE",
      path: "values",
    });
  });
});

describe("mapped", () => {
  const names = ["none", "aes128"] as const;
  const cipher = mapped(
    u8,
    (wire) => {
      const name = names[wire];
      if (name === undefined) throw new RangeError(`${wire} is no cipher`);
      return name;
    },
    (name) => {
      const wire = names.indexOf(name);
      if (wire < 0) throw new RangeError(`${name} is no cipher`);
      return wire;
    },
  );
  const layout = struct("Header", { length: u16be, cipher });

  it("shows the program another shape than the wire", () => {
    expect(decode(layout, hex("0007 01"))).toEqual({ length: 7, cipher: "aes128" });
    expect(toHex(encode(layout, { length: 7, cipher: "aes128" }))).toBe("000701");
  });

  it("turns a RangeError into the layout's own error, both ways", () => {
    expect(fault(() => decode(layout, hex("0007 02")))).toMatchObject({
      code: "BC_DECODE_VALUE",
      path: "cipher",
      offsetBytes: 2,
    });
    expect(fault(() => encode(layout, { length: 7, cipher: "rot13" as "none" }))).toMatchObject({
      code: "BC_ENCODE_VALUE",
      path: "cipher",
    });
  });

  it("lets any other error through", () => {
    const broken = mapped(
      u8,
      () => {
        throw new TypeError("a mistake of ours");
      },
      () => {
        throw new TypeError("a mistake of ours");
      },
    );
    expect(() => decode(broken, hex("00"))).toThrow(TypeError);
    expect(() => encode(broken, undefined as never)).toThrow(TypeError);
  });
});
