import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DecisionInput, decide, type HeaderFields, type PlainReason } from "../../src/index.ts";

const NOW_MS = Date.parse("Sun, 22 Nov 2026 10:00:00 GMT");
const EX = "MinContentInformation=1.0, MaxContentInformation=2.0";
const OLD = "Sun, 22 Nov 2026 09:00:00 GMT";
const ANSWER: HeaderFields = { etag: '"v1"', "content-length": 70_000 };

type Fields = Record<string, string | undefined>;
const FULL: Fields = {
  "accept-encoding": "peerdist",
  "x-p2p-peerdist": "Version=1.1",
  "x-p2p-peerdistex": EX,
};

function fields(changes: Fields): HeaderFields {
  return Object.fromEntries(
    Object.entries({ ...FULL, ...changes }).filter(([, value]) => value !== undefined),
  );
}

function input(
  changes: Fields,
  rest: { method?: string; status?: number; answer?: HeaderFields; ready?: (1 | 2)[] } = {},
): DecisionInput {
  return {
    request: { method: rest.method ?? "GET", headers: fields(changes) },
    answer: { status: rest.status ?? 200, headers: rest.answer ?? ANSWER },
    ready: rest.ready ?? [1, 2],
    nowMs: NOW_MS,
  };
}

/** `ci1` and `ci2`: Content Information of that version; else the reason for content. */
type Outcome = "ci1" | "ci2" | PlainReason;

function outcome(given: DecisionInput): Outcome {
  const decision = decide(given);
  return decision.kind === "plain" ? decision.reason : `ci${decision.version}`;
}

describe("the request's side", () => {
  const V10: Fields = { "x-p2p-peerdist": "Version=1.0", "x-p2p-peerdistex": undefined };

  it.each<[string, Fields, Outcome]>([
    ["PCCRTP-43 Version 1.0 without Ex", V10, "ci1"],
    ["PCCRTP-28 Version 1.1, Ex 1.0 to 2.0", {}, "ci2"],
    ["PCCRTP-2 no peerdist", { "accept-encoding": "gzip" }, "not-offered"],
    ["PCCRTP-8 Version 999.999", { ...V10, "x-p2p-peerdist": "Version=999.999" }, "coding-version"],
    [
      "PCCRTP-12 1.0 and MissingDataRequest",
      { ...V10, "x-p2p-peerdist": "Version=1.0, MissingDataRequest=true" },
      "missing-data",
    ],
    [
      "PCCRTP-12 1.1 and MissingDataRequest",
      { "x-p2p-peerdist": "Version=1.1,MissingDataRequest=true" },
      "missing-data",
    ],
    [
      "PCCRTP-12 MissingDataRequest=false",
      { ...V10, "x-p2p-peerdist": "Version=1.0, MissingDataRequest=false" },
      "ci1",
    ],
    [
      "PCCRTP-12 MissingDataRequest=InvalidValue",
      { ...V10, "x-p2p-peerdist": "Version=1.0, MissingDataRequest=InvalidValue" },
      "missing-data",
    ],
    [
      "PCCRTP-29 Ex 900.0 to 999.0",
      { "x-p2p-peerdistex": "MinContentInformation=900.0, MaxContentInformation=999.0" },
      "content-information-version",
    ],
  ])("test suite: %s", (_name, changes, expected) => {
    expect(outcome(input(changes))).toBe(expected);
  });

  it("PCCRTP-47 test suite: Version 1.0, fresh resource", () => {
    expect(outcome(input(V10, { ready: [] }))).toBe("not-ready");
  });

  it.each<[string | undefined, Outcome]>([
    ["peerdist", "ci2"],
    ["PeerDist", "ci2"],
    ["gzip, deflate, peerdist", "ci2"],
    ["identity, peerdist", "ci2"],
    ["peerdist;q=0.001", "ci2"],
    ["peerdist;q=0.5, identity;q=0.5", "ci2"],
    ["peerdist, identity;q=0", "ci2"],
    ["peerdist;q=0.5, identity;q=0.6", "not-offered"],
    ["peerdist;q=0", "not-offered"],
    ["peerdist;q=0.0, *", "not-offered"],
    ["peerdist;q=junk", "not-offered"],
    ["*", "not-offered"],
    ["xpeerdist", "not-offered"],
    ["", "not-offered"],
    [undefined, "not-offered"],
  ])("PCCRTP-2 PCCRTP-4 PCCRTP-38 Accept-Encoding %j", (value, expected) => {
    expect(outcome(input({ "accept-encoding": value }))).toBe(expected);
  });

  it.each<[string | undefined, Outcome]>([
    ["Version=1.1", "ci2"],
    ["version=1.1", "ci2"],
    ["Version = 1.1", "ci2"],
    ["Unknown=7, Version=1.1", "ci2"],
    ["Version=1.0", "ci1"],
    ["Version=1.2", "coding-version"],
    ["Version=1.10", "coding-version"],
    ["Version=2.0", "coding-version"],
    ["Version=0.9", "coding-version"],
    ["Version=1", "coding-version"],
    ["Version=1 . 1", "coding-version"],
    ["Version=", "coding-version"],
    ["Version", "coding-version"],
    ["Version=1.0, Version=1.1", "coding-version"],
    ["MissingDataRequest=false", "coding-version"],
    ["MissingDataRequest=true", "missing-data"],
    ["Version=999.999, MissingDataRequest=true", "missing-data"],
    ["Version=1.1, MissingDataRequest=", "missing-data"],
    ["Version=1.1, MissingDataRequest=FALSE", "ci2"],
    ["Version=1.1, MissingDataRequest=true, MissingDataRequest=false", "missing-data"],
    ["", "coding-version"],
    [undefined, "coding-version"],
  ])("PCCRTP-5 PCCRTP-19 PCCRTP-20 X-P2P-PeerDist %j", (value, expected) => {
    expect(outcome(input({ "x-p2p-peerdist": value }))).toBe(expected);
  });

  it.each<[string | undefined, Outcome]>([
    [EX, "ci2"],
    ["MinContentInformation=1.0,MaxContentInformation=2.0", "ci2"],
    ["MaxContentInformation=2.0 , MinContentInformation=1.0", "ci2"],
    ["MinContentInformation=1.0, MaxContentInformation=1.0", "ci1"],
    [`${EX}, HashRequest=true`, "ci2"],
    [`HashRequest=true, ${EX}`, "ci2"],
    [`${EX}, HashRequest=maybe`, "ci2"],
    [`${EX}, Unknown=1`, "ci2"],
    ["HashRequest=true", "ci1"],
    [undefined, "ci1"],
    ["", "content-information-version"],
    ["Unknown=1", "content-information-version"],
    ["MakeHashRequest=true", "content-information-version"],
    ["MinContentInformation=1.0", "content-information-version"],
    ["MaxContentInformation=2.0", "content-information-version"],
    ["MinContentInformation=1.0, HashRequest=true", "content-information-version"],
    ["MinContentInformation=x, HashRequest=true", "content-information-version"],
    ["MinContentInformation=2.0, MaxContentInformation=2.0", "content-information-version"],
    ["MinContentInformation=1.0, MaxContentInformation=1.1", "content-information-version"],
    ["MinContentInformation=1.0, MaxContentInformation=3.0", "content-information-version"],
    ["MinContentInformation=0.9, MaxContentInformation=2.0", "content-information-version"],
    ["MinContentInformation=1.0, MaxContentInformation=2", "content-information-version"],
    [
      "MinContentInformation=1.0, MaxContentInformation=1.0, MaxContentInformation=2.0",
      "content-information-version",
    ],
  ])("PCCRTP-21 PCCRTP-28 PCCRTP-29 PCCRTP-30 X-P2P-PeerDistEx %j", (value, expected) => {
    expect(outcome(input({ "x-p2p-peerdistex": value }))).toBe(expected);
  });

  it.each<[Fields, Outcome]>([
    [{ "x-p2p-peerdist": "Version=1.0" }, "ci1"],
    [
      { "x-p2p-peerdist": "Version=1.0", "x-p2p-peerdistex": "MinContentInformation=9.0" },
      "content-information-version",
    ],
    [{ "accept-encoding": undefined, "x-p2p-peerdistex": `${EX}, HashRequest=true` }, "ci2"],
    [{ "accept-encoding": "gzip", "x-p2p-peerdistex": `${EX}, HashRequest=true` }, "ci2"],
    [{ "accept-encoding": undefined, "x-p2p-peerdistex": "HashRequest=true" }, "ci1"],
    [
      { "accept-encoding": undefined, "x-p2p-peerdist": undefined, "x-p2p-peerdistex": "HashRequest=true" },
      "coding-version",
    ],
    [{ range: "bytes=0-9" }, "ci2"],
    [{ range: "bytes=0-9,20-29" }, "multiple-ranges"],
    [{ "if-none-match": '"v0"' }, "ci2"],
  ])("PCCRTP-6 PCCRTP-17 PCCRTP-38 together: %j", (changes, expected) => {
    expect(outcome(input(changes))).toBe(expected);
  });

  it.each<[string, Outcome]>([
    ["GET", "ci2"],
    ["HEAD", "head"],
    ["POST", "method"],
    ["PUT", "method"],
    ["get", "method"],
    ["OPTIONS", "method"],
  ])("PCCRTP-44 method %s", (method, expected) => {
    expect(outcome(input({}, { method }))).toBe(expected);
  });
});

describe("the answer's side", () => {
  it.each<[number, Outcome]>([
    [200, "ci2"],
    [201, "status"],
    [203, "status"],
    [204, "status"],
    [301, "status"],
    [302, "status"],
    [304, "status"],
    [401, "status"],
    [403, "status"],
    [404, "status"],
    [412, "status"],
    [416, "status"],
    [500, "status"],
  ])("PCCRTP-39 status %i", (status, expected) => {
    expect(outcome(input({}, { status }))).toBe(expected);
  });

  it.each<[HeaderFields, Outcome]>([
    [{ etag: '"v1"' }, "ci2"],
    [{ etag: '""' }, "ci2"],
    [{ "last-modified": OLD }, "ci2"],
    [{ etag: 'W/"v1"', "last-modified": OLD }, "ci2"],
    [{ etag: 'W/"v1"' }, "no-validator"],
    [{ etag: "v1" }, "no-validator"],
    [{ etag: '"a"b"' }, "no-validator"],
    [{ "last-modified": "Sun, 22 Nov 2026 09:59:59 GMT" }, "ci2"],
    [{ "last-modified": "Sun, 22 Nov 2026 10:00:00 GMT" }, "no-validator"],
    [{ "last-modified": "tomorrow" }, "no-validator"],
    [{ "last-modified": OLD, vary: "Accept-Encoding, Origin" }, "ci2"],
    [{ "last-modified": OLD, vary: "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx" }, "ci2"],
    [{ "last-modified": OLD, vary: "Accept-Encoding, Cookie" }, "no-validator"],
    [{ "last-modified": OLD, etag: 'W/"v1"', vary: "Accept-Language" }, "no-validator"],
    [{ "last-modified": OLD, vary: "*" }, "no-validator"],
    [{ etag: '"v1"', vary: "Cookie" }, "ci2"],
    [{}, "no-validator"],
  ])("PCCRTP-25 PCCRTP-45 validators %j", (validators, expected) => {
    expect(outcome(input({}, { answer: { ...validators, "content-length": 70_000 } }))).toBe(expected);
  });

  it.each<[HeaderFields, Outcome]>([
    [{ "content-length": "70000" }, "ci2"],
    [{ "content-length": 0 }, "empty"],
    [{ "transfer-encoding": "chunked" }, "unknown-length"],
    [{ "content-length": "7e4" }, "unknown-length"],
    [{ "content-length": -1 }, "unknown-length"],
    [{ "content-length": 70_000, "content-encoding": "gzip" }, "coded"],
    [{ "content-length": 70_000, "content-encoding": "peerdist" }, "coded"],
    [{ "content-length": 70_000, "content-encoding": "identity" }, "ci2"],
    [{ "content-length": 70_000, "content-encoding": [] }, "ci2"],
  ])("PCCRTP-11 body %j", (body, expected) => {
    expect(outcome(input({}, { answer: { etag: '"v1"', ...body } }))).toBe(expected);
  });

  it.each<[HeaderFields, Outcome]>([
    [{ "content-range": "bytes 0-99/70000", "content-length": 100 }, "ci2"],
    [{ "content-range": "bytes 69900-69999/70000", "content-length": "100" }, "ci2"],
    [{ "content-range": "bytes 0-99/70000" }, "ci2"],
    [{ "content-range": "bytes 0-99/70000", "content-length": 99 }, "unusable-range"],
    [{ "content-range": "bytes 0-99/*", "content-length": 100 }, "unusable-range"],
    [{ "content-range": "bytes 0-99/50", "content-length": 100 }, "unusable-range"],
    [{ "content-range": "pages 0-99/70000", "content-length": 100 }, "unusable-range"],
    [{ "content-type": "multipart/byteranges; boundary=x", "content-length": 500 }, "unusable-range"],
  ])("PCCRTP-27 PCCRTP-38 part %j", (part, expected) => {
    expect(outcome(input({ range: "bytes=0-99" }, { status: 206, answer: { etag: '"v1"', ...part } }))).toBe(
      expected,
    );
  });

  it("PCCRTP-27 the part is what the answer has, the size is the content's", () => {
    const answer = { etag: '"v1"', "content-range": "bytes 10-19/70000", "content-length": 10 };
    expect(decide(input({ range: "bytes=10-19" }, { status: 206, answer }))).toMatchObject({
      kind: "content-information",
      answer: { validator: '"v1"', sizeBytes: 70_000, range: { startBytes: 10, endBytes: 20 } },
    });
  });

  it("a weak ETag joins Last-Modified in naming the bytes", () => {
    const answer = { etag: 'W/"7"', "last-modified": OLD, "content-length": 70_000 };
    expect(decide(input({}, { answer }))).toMatchObject({ answer: { validator: `W/"7" ${OLD}` } });
  });
});

describe("hashes", () => {
  it.each<[string, (1 | 2)[], Outcome]>([
    [EX, [1, 2], "ci2"],
    [EX, [2], "ci2"],
    [EX, [1], "ci1"],
    [EX, [], "not-ready"],
    ["MinContentInformation=1.0, MaxContentInformation=1.0", [1, 2], "ci1"],
    ["MinContentInformation=1.0, MaxContentInformation=1.0", [2], "not-ready"],
  ])("PCCRTP-15 PCCRTP-28 Ex %j with versions %j", (ex, ready, expected) => {
    expect(outcome(input({ "x-p2p-peerdistex": ex }, { ready }))).toBe(expected);
  });

  it.each<[string, Fields, boolean]>([
    ["a client of 1.1", {}, true],
    ["a client of 1.1 without Ex", { "x-p2p-peerdistex": undefined }, false],
    ["a client of 1.0", { "x-p2p-peerdist": "Version=1.0", "x-p2p-peerdistex": undefined }, false],
    ["a client of 1.0 with Ex", { "x-p2p-peerdist": "Version=1.0" }, false],
    ["a hash request", { "x-p2p-peerdistex": `${EX}, HashRequest=true` }, false],
  ])("PCCRTP-16 PCCRTP-35 %s is told to come back: %s", (_name, changes, told) => {
    expect(decide(input(changes, { ready: [] }))).toEqual({
      kind: "plain",
      reason: "not-ready",
      queueHashing: true,
      makeHashRequest: told,
    });
  });

  it("PCCRTP-51 HEAD starts the hashing and says nothing of it", () => {
    expect(decide(input({}, { method: "HEAD", ready: [] }))).toEqual({
      kind: "plain",
      reason: "head",
      queueHashing: true,
      makeHashRequest: false,
    });
    expect(decide(input({}, { method: "HEAD" }))).toMatchObject({ queueHashing: false });
  });

  it.each<[string, { major: number; minor: number }]>([
    ["Version=1.0", { major: 1, minor: 0 }],
    ["Version=1.1", { major: 1, minor: 1 }],
  ])("PCCRTP-9 PCCRTP-10 PCCRTP-43 %s is echoed", (value, expected) => {
    expect(decide(input({ "x-p2p-peerdist": value }))).toMatchObject({ offer: { codingVersion: expected } });
  });
});

describe("any request and any answer", () => {
  const names = ["accept-encoding", "x-p2p-peerdist", "x-p2p-peerdistex", "range"];
  const values = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "peerdist",
      "Version=1.1",
      EX,
      "HashRequest=true",
      "bytes=0-1",
      "MissingDataRequest=true",
    ),
  );
  const given = fc.record({
    request: fc.record({
      method: fc.constantFrom("GET", "HEAD", "POST"),
      headers: fc.dictionary(fc.constantFrom(...names), values),
    }),
    answer: fc.record({
      status: fc.constantFrom(200, 206, 304, 404),
      headers: fc.dictionary(
        fc.constantFrom("etag", "last-modified", "content-length", "content-range", "content-encoding"),
        fc.oneof(fc.string(), fc.constantFrom('"v1"', "70000", "bytes 0-9/10", OLD)),
      ),
    }),
    ready: fc.subarray<1 | 2>([1, 2]),
    nowMs: fc.constant(NOW_MS),
  });

  it("PCCRTP-2 PCCRTP-12 PCCRTP-25 PCCRTP-39 gives a decision, and codes only what may be coded", () => {
    fc.assert(
      fc.property(given, (input) => {
        const decision = decide(input);
        if (decision.kind === "plain") return;
        const { request, answer } = input;
        expect(request.method).toBe("GET");
        expect([200, 206]).toContain(answer.status);
        expect(answer.headers["etag"] ?? answer.headers["last-modified"]).toBeDefined();
        expect(`${request.headers["accept-encoding"]} ${request.headers["x-p2p-peerdistex"]}`).toMatch(
          /peerdist|HashRequest/i,
        );
        expect(input.ready).toContain(decision.version);
      }),
      { numRuns: 1_000 },
    );
  });
});
