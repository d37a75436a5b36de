import { describe, expect, it } from "vitest";
import { checkBlock, checkBlockList, checkSegmentList } from "../../src/client/check-answers.ts";
import { encodeSegmentAges, type IndexRange, type Response } from "../../src/index.ts";

const id = new Uint8Array(32).fill(1);
const otherId = new Uint8Array(32).fill(2);
const none: Uint8Array = new Uint8Array(0);

const block = (change: Partial<Extract<Response, { kind: "block" }>["body"]> = {}): Response => ({
  kind: "block",
  cipher: 1,
  body: {
    segmentId: id,
    blockIndex: 3,
    nextBlockIndex: 9,
    data: new Uint8Array(16),
    verification: none,
    iv: new Uint8Array(16),
    ...change,
  },
});
const list = (ranges: readonly IndexRange[], segmentId = id): Response => ({
  kind: "blockList",
  cipher: 1,
  body: { segmentId, ranges, nextBlockIndex: 0 },
});
const requestId = new Uint8Array(16).fill(3);
const segments = (ranges: readonly IndexRange[], blob = none, echoed = requestId): Response => ({
  kind: "segmentList",
  cipher: 1,
  body: { requestId: echoed, ranges, blob },
});

describe("MSG_BLK", () => {
  it("PCCRR-95 the one asked for", () => {
    expect(checkBlock(block(), id, 3)).toMatchObject({
      kind: "block",
      nextBlockIndex: 9,
      sealed: { cipher: 1 },
    });
  });

  it.each([
    ["PCCRR-98 without a block", { data: none }],
    ["PCCRR-98 without a block, but with an IV", { data: none, iv: new Uint8Array(3) }],
  ])("%s: not available", (_, change) => {
    expect(checkBlock(block(change), id, 3)).toEqual({ kind: "empty", nextBlockIndex: 9 });
  });

  it.each([
    ["PCCRR-95 of another segment", block({ segmentId: otherId })],
    ["PCCRR-95 of a longer ID", block({ segmentId: new Uint8Array(48).fill(1) })],
    ["PCCRR-95 with another index", block({ blockIndex: 4 })],
    ["PCCRR-95 empty, with another index", block({ blockIndex: 4, data: none })],
    ["another message", list([])],
  ])("%s: a mismatch", (_, response) => {
    expect(checkBlock(response, id, 3).kind).toBe("mismatch");
  });
});

describe("MSG_BLKLIST", () => {
  const requested = [
    { index: 0, count: 4 },
    { index: 10, count: 2 },
  ];

  it.each([
    ["PCCRR-90 as asked for", [{ index: 1, count: 2 }], [{ index: 1, count: 2 }]],
    ["nothing held", [], []],
    [
      "PCCRR-39 unsorted and overlapping",
      [
        { index: 10, count: 2 },
        { index: 2, count: 2 },
        { index: 1, count: 2 },
      ],
      [
        { index: 1, count: 3 },
        { index: 10, count: 2 },
      ],
    ],
    [
      "PCCRR-93 cut to what was asked for",
      [{ index: 0, count: 500 }],
      [
        { index: 0, count: 4 },
        { index: 10, count: 2 },
      ],
    ],
  ])("%s", (_, sent, kept) => {
    expect(checkBlockList(list(sent), id, requested)).toEqual({
      kind: "blockList",
      ranges: kept,
      nextBlockIndex: 0,
    });
  });

  it.each([
    ["PCCRR-91 of another segment", list([], otherId)],
    [
      "PCCRR-93 with a range not asked for",
      list([
        { index: 0, count: 1 },
        { index: 5, count: 2 },
      ]),
    ],
    ["PCCRR-93 with an empty range", list([{ index: 0, count: 0 }])],
    ["another message", block()],
  ])("%s: a mismatch", (_, response) => {
    expect(checkBlockList(response, id, requested).kind).toBe("mismatch");
  });
});

describe("MSG_SEGLIST", () => {
  it("PCCRR-63 PCCRR-101 PCCRR-103 the held indexes, with ages counted from the first range", () => {
    const blob = encodeSegmentAges([
      { segmentIndex: 0, ageMs: 50 },
      { segmentIndex: 1, ageMs: 60 },
      { segmentIndex: 200, ageMs: 70 },
    ]);
    const answer = checkSegmentList(
      segments(
        [
          { index: 2, count: 1 },
          { index: 4, count: 2 },
        ],
        blob,
      ),
      requestId,
      6,
    );
    expect(answer).toEqual({ kind: "segmentList", held: [2, 4, 5], ageMs: new Map([[2, 50]]) });
  });

  it("PCCRR-65 a blob that is to be discarded does no harm", () => {
    const answer = checkSegmentList(segments([{ index: 0, count: 1 }], Uint8Array.of(9)), requestId, 1);
    expect(answer).toEqual({ kind: "segmentList", held: [0], ageMs: new Map() });
  });

  it.each([
    ["PCCRR-101 to another request", segments([], none, new Uint8Array(16))],
    ["PCCRR-102 with an index past the request's", segments([{ index: 5, count: 2 }])],
    ["PCCRR-102 with a count of four thousand million", segments([{ index: 0, count: 0xffff_ffff }])],
    ["another message", block()],
  ])("%s: a mismatch", (_, response) => {
    expect(checkSegmentList(response, requestId, 6).kind).toBe("mismatch");
  });
});
