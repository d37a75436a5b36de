import { describe, expect, it } from "vitest";
import {
  conditionFor,
  headOf,
  keptHeads,
  strongValidator,
  vouches,
} from "../../../src/node/gateway/kept-heads.ts";

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
