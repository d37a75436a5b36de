import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slowRuns } from "../../../../test/support/slow.ts";
import { decode, encode, errorCode } from "../../src/index.ts";
import { anyMessage, type Message, message } from "./message.ts";

describe("layouts, at length", () => {
  it("a good message with several bytes changed, cut or added gives a value or a DecodeError", () => {
    const change = fc.record({ at: fc.nat(80), byte: fc.nat(255) });
    const mutated = fc
      .tuple(anyMessage, fc.array(change, { maxLength: 6 }), fc.integer({ min: -8, max: 8 }))
      .map(([value, changes, growth]) => {
        const good = encode(message, value);
        const bytes = new Uint8Array(Math.max(0, good.length + growth));
        bytes.set(good.subarray(0, bytes.length));
        for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
        return bytes;
      });
    let [values, refusals] = [0, 0];
    fc.assert(
      fc.property(mutated, (bytes) => {
        let value: Message;
        try {
          value = decode(message, bytes);
        } catch (error) {
          expect(errorCode(error)).toMatch(/^BC_DECODE_/);
          refusals++;
          return;
        }
        values++;
        expect(decode(message, encode(message, value))).toEqual(value);
      }),
      { numRuns: slowRuns(200_000) },
    );
    expect(values).toBeGreaterThan(0);
    expect(refusals).toBeGreaterThan(0);
  });
});
