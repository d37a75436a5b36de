import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseAcceptEncoding,
  parseContentEncoding,
  parseContentRange,
  satisfiedRange,
} from "../src/http-fields.ts";
import { fieldTexts } from "./field-text.ts";

describe("HTTP's own fields", () => {
  it.each<[string, Record<string, number>]>([
    ["gzip, deflate, peerdist", { gzip: 1, deflate: 1, peerdist: 1 }],
    ["PeerDist;q=0.5, *;q=0", { peerdist: 0.5, "*": 0 }],
    ["peerdist ; Q = 0.123", { peerdist: 0.123 }],
    ["peerdist;q=0", { peerdist: 0 }],
    ["peerdist;q=0.000", { peerdist: 0 }],
    ["peerdist;q=1.000", { peerdist: 1 }],
    ["peerdist;q=1.5", { peerdist: 0 }],
    ["peerdist;q=0.1234", { peerdist: 0 }],
    ["peerdist;q=", { peerdist: 0 }],
    ["peerdist;q=abc", { peerdist: 0 }],
    ["peerdist;x=1", { peerdist: 1 }],
    ["peerdist, peerdist;q=0", { peerdist: 0 }],
    [",, ,", {}],
  ])("PCCRTP-4 PCCRTP-38 Accept-Encoding %j", (text, expected) => {
    expect(Object.fromEntries(parseAcceptEncoding(text))).toEqual(expected);
  });

  it.each<[string | undefined, string[]]>([
    [undefined, []],
    ["", []],
    ["identity", []],
    ["PeerDist", ["peerdist"]],
    ["gzip, peerdist", ["gzip", "peerdist"]],
  ])("PCCRTP-4 Content-Encoding %j", (text, expected) => {
    expect(parseContentEncoding(text)).toEqual(expected);
  });

  it.each([
    ["bytes 0-9/10", { startBytes: 0, endBytes: 10, totalBytes: 10 }],
    ["Bytes 5-5/*", { startBytes: 5, endBytes: 6, totalBytes: undefined }],
    ["bytes */10", undefined],
    ["bytes 5-4/10", undefined],
    ["bytes 0-10/10", undefined],
    ["bytes=0-9/10", undefined],
    ["items 0-9/10", undefined],
    ["bytes 0-9007199254740991/*", undefined],
    ["", undefined],
  ])("PCCRTP-38 Content-Range %j", (text, expected) => {
    expect(parseContentRange(text)).toEqual(expected);
  });

  it("PCCRTP-5 PCCRTP-6 any text whatever gives a value and never throws", () => {
    fc.assert(
      fc.property(fieldTexts, (text) => {
        for (const read of [parseAcceptEncoding, parseContentEncoding, parseContentRange])
          expect(() => read(text)).not.toThrow();
      }),
    );
  });
});

describe("satisfiedRange", () => {
  it.each([
    ["bytes=0-0", [0, 1]],
    ["bytes=0-", [0, 100]],
    ["bytes=99-", [99, 100]],
    ["bytes=10-1000", [10, 100]],
    ["bytes=-1", [99, 100]],
    ["bytes=-1000", [0, 100]],
    ["Bytes = 5 - 6", [5, 7]],
    ["bytes=100-", undefined],
    ["bytes=-0", undefined],
    ["bytes=-", undefined],
    ["bytes=5-4", undefined],
    ["bytes=0-1,3-4", undefined],
    ["lines=0-1", undefined],
    ["bytes=a-b", undefined],
    ["", undefined],
  ])("PCCRTP-38 %s of 100 bytes", (text, expected) => {
    const range = satisfiedRange(text, 100);
    expect(range && [range.startBytes, range.endBytes]).toEqual(expected);
  });

  it("any text gives a part of the content or nothing", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat(), (junk, first, last, size) => {
        for (const text of [
          junk,
          `bytes=${junk}`,
          `bytes=${first}-${last}`,
          `bytes=${first}-`,
          `bytes=-${last}`,
        ]) {
          const range = satisfiedRange(text, size);
          if (!range) continue;
          expect(range.startBytes).toBeGreaterThanOrEqual(0);
          expect(range.startBytes).toBeLessThan(range.endBytes);
          expect(range.endBytes).toBeLessThanOrEqual(size);
        }
      }),
    );
  });
});
