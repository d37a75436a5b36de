/** The gateway's small parts: ranges, patterns, validators, the second reader. */
import { manualClock } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Departure } from "../../../src/node/gateway/departure.ts";
import {
  conditionFor,
  headOf,
  keptHeads,
  strongValidator,
  vouches,
} from "../../../src/node/gateway/kept-heads.ts";
import { matches } from "../../../src/node/resource-filter.ts";
import { createTee, type Tee } from "../../../src/node/tee.ts";
import { satisfiedRange } from "../../../src/server/request-range.ts";

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

describe("matches", () => {
  it.each([
    ["/a", "/a", true],
    ["/a", "/ab", false],
    ["*", "", true],
    ["/a/*", "/a/b/c", true],
    ["*.wim", "/x/boot.wim", true],
    ["*.wim", "/x/boot.wimx", false],
    ["/a*b*c", "/aXbYc", true],
    ["/a*b*c", "/aXcYb", false],
    ["ab*bc", "abc", false],
    ["*a*a*", "a", false],
    ["*a*a*", "aa", true],
  ])("%s against %s: %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it("agrees with the regular expression", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        const plain = text.replaceAll("*", "a");
        expect(matches(pattern, plain)).toBe(new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(plain));
      }),
    );
  });
});

describe("kept heads", () => {
  const OLD = "Thu, 01 Jan 1998 00:00:00 GMT";
  const nowMs = Date.parse("Fri, 02 Jan 1998 00:00:00 GMT");
  it.each([
    [{ etag: '"a"' }, '"a"'],
    [{ etag: 'W/"a"' }, undefined],
    [{ etag: 'W/"a"', "last-modified": OLD }, undefined],
    [{ "last-modified": OLD }, OLD],
    [{ "last-modified": OLD, date: OLD }, undefined],
    [{ "last-modified": OLD, date: "Thu, 01 Jan 1998 00:00:01 GMT" }, OLD],
    [{ "last-modified": OLD, date: "junk" }, OLD],
    [{ "last-modified": "Fri, 02 Jan 1998 00:00:00 GMT", date: "Sun, 03 Jan 2060 00:00:00 GMT" }, undefined],
    [{}, undefined],
  ])("validator of %o", (headers, expected) => {
    expect(strongValidator(headers, nowMs)).toBe(expected);
  });

  it("keep what is of the representation, and nothing that may be of a user", () => {
    const head = headOf('"a"', 5, { etag: '"a"', "set-cookie": "x", "x-user": "y", "content-type": "a/b" });
    expect(head?.fields).toEqual({ ETag: '"a"', "Content-Type": "a/b" });
    expect(headOf('"a"', 5, { etag: '"a"', "content-disposition": "x".repeat(3_000) })).toBeUndefined();
  });

  const kept = (headers: Record<string, string>) =>
    headOf("v", 5, headers) as NonNullable<ReturnType<typeof headOf>>;
  it.each([
    [{ etag: '"a"', "last-modified": OLD }, { "If-None-Match": '"a"' }],
    [{ "last-modified": OLD }, { "If-Modified-Since": OLD }],
    [{ "last-modified": OLD, vary: "Accept-Encoding" }, { "If-Modified-Since": OLD }],
    [{}, undefined],
  ])("the condition of %o", (headers, expected) => {
    expect(conditionFor(kept(headers))).toEqual(expected);
  });

  it.each([
    [{ etag: '"a"' }, {}, true],
    [{ etag: '"a"' }, { etag: '"a"' }, true],
    [{ etag: '"a"' }, { etag: 'W/"a"' }, false],
    [{ "last-modified": OLD }, { etag: '"b"' }, false],
    [{ etag: '"a"', "last-modified": OLD }, { etag: '"a"', "last-modified": "later" }, false],
  ])("kept %o, a 304 with %o: %s", (known, seen, expected) => {
    expect(vouches(kept(known), seen)).toBe(expected);
  });

  it("the ones used last stay", () => {
    const heads = keptHeads(2);
    for (const key of ["a", "b"]) heads.set(key, kept({ etag: key }));
    heads.get("a");
    heads.set("c", kept({ etag: "c" }));
    expect(["a", "b", "c"].map((key) => heads.get(key) !== undefined)).toEqual([true, false, true]);
  });
});

describe("tee", () => {
  const made = (lengthBytes: number) => {
    const clock = manualClock();
    const tee = createTee({ limitBytes: 10, lengthBytes, clock, slowReaderMs: 100 });
    let rooms = 0;
    tee.whenRoom(() => rooms++);
    return { clock, tee, rooms: () => rooms, pieces: tee[Symbol.asyncIterator]() };
  };
  const read = async (tee: AsyncIterable<Uint8Array>) => {
    let bytes = 0;
    for await (const piece of tee) bytes += piece.length;
    return bytes;
  };

  it("gives what passed, in order, and ends", async () => {
    const { clock, tee } = made(6);
    const reading = read(tee);
    expect(tee.push(new Uint8Array(4))).toBe(true);
    await Promise.resolve();
    expect(tee.push(new Uint8Array(2))).toBe(true);
    tee.end();
    expect(await reading).toBe(6);
    expect(clock.pending).toBe(0);
  });

  it("is full above its limit, until the reader has taken half of that", async () => {
    const { clock, tee, rooms, pieces } = made(100);
    expect(tee.push(new Uint8Array(4))).toBe(true);
    expect(tee.push(new Uint8Array(6))).toBe(true);
    expect(tee.push(new Uint8Array(1))).toBe(false);
    await pieces.next();
    expect([tee.isFull, rooms()]).toEqual([true, 0]);
    await clock.advance(99);
    await pieces.next();
    expect([tee.isFull, rooms()]).toEqual([false, 1]);
    // The next time counts anew.
    await clock.advance(99);
    expect(tee.push(new Uint8Array(10))).toBe(false);
    await clock.advance(99);
    await pieces.next();
    await pieces.next();
    expect([tee.isFull, rooms(), clock.pending]).toEqual([false, 2, 0]);
  });

  it("a reader who is too slow is dropped, and the client goes on", async () => {
    const { clock, tee, rooms, pieces } = made(100);
    tee.push(new Uint8Array(11));
    await clock.advance(99);
    expect([tee.isFull, rooms()]).toEqual([true, 0]);
    await clock.advance(1);
    expect([tee.isFull, rooms()]).toEqual([false, 1]);
    expect(tee.push(new Uint8Array(100))).toBe(true);
    await expect(pieces.next()).rejects.toThrow(/slower/);
  });

  it("content that is all there holds nobody", async () => {
    const { clock, tee, rooms } = made(11);
    expect(tee.push(new Uint8Array(11))).toBe(false);
    tee.end();
    expect([tee.isFull, rooms(), clock.pending]).toEqual([false, 1, 0]);
    expect(await read(tee)).toBe(11);
  });

  it.each<[string, (tee: Tee) => unknown, RegExp]>([
    ["is told nothing of being full", (tee) => tee.push(new Uint8Array(21)), /slower/],
    ["has too little", (tee) => tee.end(), /as long as/],
    ["is dropped", (tee) => tee.drop("gone"), /gone/],
  ])("rejects when it %s, and holds nothing more", async (_name, act, reason) => {
    const { clock, tee } = made(100);
    const reading = read(tee);
    act(tee);
    tee.push(new Uint8Array(5));
    tee.end();
    await expect(reading).rejects.toThrow(reason);
    expect(clock.pending).toBe(0);
  });
});

describe("departure", () => {
  it("tells those who listen, once, and a signal made before or after", () => {
    const departure = new Departure();
    const told: string[] = [];
    const early = departure.signal;
    departure.addEventListener("abort", () => told.push("a"));
    const gone = () => told.push("b");
    departure.addEventListener("abort", gone);
    departure.removeEventListener("abort", gone);
    departure.leave(new Error("gone"));
    departure.leave(new Error("again"));
    const late = new Departure();
    late.leave(new Error("gone"));
    expect(told).toEqual(["a"]);
    expect([departure.aborted, early.aborted, late.signal.aborted]).toEqual([true, true, true]);
    expect(departure.reason).toEqual(new Error("gone"));
  });
});
