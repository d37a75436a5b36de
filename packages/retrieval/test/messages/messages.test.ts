import { concatBytes, DecodeError, errorCode, fromHex, toHex } from "@branchcache/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  block,
  blockList,
  encodeMessage,
  encodeSegmentAges,
  getBlockList,
  getBlocks,
  getSegmentList,
  type MessageKind,
  negoRequest,
  negoResponse,
  parseRequest,
  parseResponse,
  segmentList,
} from "../../src/index.ts";
import vectors from "../vectors/messages.json" with { type: "json" };

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;
const vector = (start: string): Uint8Array => {
  const found = vectors.messages.find(({ name }) => name.startsWith(start));
  if (!found) throw new Error(`no vector ${start}`);
  return hex(found.hex);
};

const A = hex("ad9724d3999d5c863a940aa3187052fa5833aed2526f3c056c727a0fcfd5577b");
const B = hex("32fbbecfe2780e6cc55b10d972295925c143818e3d8e8096de46906d6661f310");
const C = hex("5716a3a299be4f9bb84ed8088f14225477288ed7e51abe4b341e6ed1751ae94a");
const iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const requestId = hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
const none = new Uint8Array(0);
const versions = { min: { major: 1, minor: 0 }, max: { major: 2, minor: 0 } };
const oneBlock = (body: {
  data: Uint8Array;
  blockIndex: number;
  nextBlockIndex: number;
  iv: Uint8Array;
}) => ({
  segmentId: A,
  verification: none,
  ...body,
});

interface Example {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a table of all kinds
  readonly kind: MessageKind<any>;
  readonly cipher: 0 | 1 | 2 | 3;
  readonly value: unknown;
}

const examples: readonly Example[] = [
  { name: "MSG_NEGO_REQ, 1.0", kind: negoRequest, cipher: 1, value: versions },
  { name: "MSG_NEGO_RESP, 1.0", kind: negoResponse, cipher: 1, value: versions },
  {
    name: "MSG_GETBLKLIST, segment A",
    kind: getBlockList,
    cipher: 1,
    value: {
      segmentId: A,
      ranges: [
        { index: 0, count: 4 },
        { index: 10, count: 2 },
      ],
    },
  },
  {
    name: "MSG_BLKLIST, server holds",
    kind: blockList,
    cipher: 1,
    value: {
      segmentId: A,
      ranges: [
        { index: 0, count: 2 },
        { index: 11, count: 1 },
      ],
      nextBlockIndex: 20,
    },
  },
  {
    name: "MSG_BLKLIST, nothing held",
    kind: blockList,
    cipher: 1,
    value: { segmentId: A, ranges: [], nextBlockIndex: 0 },
  },
  {
    name: "MSG_GETBLKS, segment A, block 3",
    kind: getBlocks,
    cipher: 1,
    value: { segmentId: A, ranges: [{ index: 3, count: 1 }], verificationData: none },
  },
  {
    name: "MSG_BLK, block 3 = the AES-128",
    kind: block,
    cipher: 1,
    value: oneBlock({ blockIndex: 3, nextBlockIndex: 11, data: hex(vectors.ciphertexts[1]), iv }),
  },
  {
    name: "MSG_BLK, block 3 missing",
    kind: block,
    cipher: 0,
    value: oneBlock({ blockIndex: 3, nextBlockIndex: 0, data: none, iv: none }),
  },
  {
    name: "MSG_BLK, algorithm 0",
    kind: block,
    cipher: 0,
    value: oneBlock({ blockIndex: 0, nextBlockIndex: 0, data: hex("68656c6c6f"), iv: none }),
  },
  {
    name: "MSG_GETSEGLIST, A B C",
    kind: getSegmentList,
    cipher: 1,
    value: { requestId, segmentIds: [A, B, C], blob: none },
  },
  {
    name: "MSG_GETSEGLIST, A, blob",
    kind: getSegmentList,
    cipher: 1,
    value: { requestId, segmentIds: [A], blob: hex("0001030100000000") },
  },
  {
    name: "MSG_SEGLIST, holds B and C",
    kind: segmentList,
    cipher: 1,
    value: {
      requestId,
      ranges: [{ index: 1, count: 2 }],
      blob: encodeSegmentAges([
        { segmentIndex: 0, ageMs: 1_234_500 },
        { segmentIndex: 1, ageMs: 60_000 },
      ]),
    },
  },
  {
    name: "MSG_SEGLIST, none held",
    kind: segmentList,
    cipher: 1,
    value: { requestId, ranges: [], blob: none },
  },
];

const parse = (kind: Example["kind"], bytes: Uint8Array) =>
  kind.direction === "request" ? parseRequest(bytes) : parseResponse(bytes);

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return errorCode(error);
  }
  return undefined;
};

describe("worked examples", () => {
  it.each(examples)(
    "PCCRR-14 PCCRR-18 PCCRR-19 PCCRR-20 PCCRR-24 PCCRR-42 PCCRR-46 PCCRR-47 PCCRR-49 writes and reads $name",
    ({ cipher, kind, name, value }) => {
      const bytes = vector(name);
      expect(toHex(encodeMessage(kind, cipher, value))).toBe(toHex(bytes));
      const parsed = parse(kind, bytes);
      expect(parsed.cipher).toBe(cipher);
      expect("body" in parsed && parsed.body).toEqual(value);
    },
  );

  it("PCCRR-35 reads an ID of 5 bytes with its padding", () => {
    expect(parseRequest(vector("Parser test only"))).toEqual({
      kind: "getBlockList",
      cipher: 1,
      body: { segmentId: hex("0102030405"), ranges: [{ index: 0, count: 1 }] },
    });
  });

  it("reads a block without copying it", () => {
    const bytes = vector("MSG_BLK, block 3 = ");
    const parsed = parseResponse(bytes);
    expect(parsed.kind === "block" && parsed.body.data.buffer).toBe(bytes.buffer);
  });
});

describe("lenient", () => {
  it("PCCRR-36 pad bytes need not be zero", () => {
    const bytes = vector("MSG_BLK, algorithm 0").slice();
    const at = toHex(bytes).indexOf("68656c6c6f") / 2 + 5;
    bytes.set([1, 2, 3], at);
    const parsed = parseResponse(bytes);
    expect(parsed.kind === "block" && toHex(parsed.body.data)).toBe("68656c6c6f");
  });

  it.each([32, 48, 64])("PCCRR-31 PCCRR-32 PCCRR-33 an ID of %i bytes", (length) => {
    const segmentId = new Uint8Array(length).fill(9);
    const list = encodeMessage(getBlockList, 1, { segmentId, ranges: [{ index: 0, count: 1 }] });
    expect(parseRequest(list)).toMatchObject({ body: { segmentId } });
    const segments = encodeMessage(getSegmentList, 1, { requestId, segmentIds: [segmentId], blob: none });
    expect(parseRequest(segments)).toMatchObject({ body: { segmentIds: [segmentId] } });
  });

  it("PCCRR-38 no range, and an empty range", () => {
    const noRange = concatBytes(hex("00000001000000020000003c0000000100000020"), A, hex("00000000"));
    expect(parseRequest(withSize(noRange))).toMatchObject({ kind: "getBlockList", body: { ranges: [] } });
    const empty = vector("MSG_GETBLKS").slice();
    empty.set(hex("0000000000000000"), empty.length - 12);
    expect(parseRequest(empty)).toMatchObject({
      kind: "getBlocks",
      body: { ranges: [{ index: 0, count: 0 }] },
    });
  });

  it("PCCRR-39 ranges that overlap and are out of order", () => {
    const ranges = [
      { index: 10, count: 5 },
      { index: 3, count: 9 },
      { index: 10, count: 5 },
    ];
    expect(parseRequest(encodeMessage(getBlockList, 1, { segmentId: A, ranges }))).toMatchObject({
      body: { ranges },
    });
  });

  it("PCCRR-43 DataForVrfBlock of any length", () => {
    const bytes = encodeMessage(getBlocks, 1, {
      segmentId: A,
      ranges: [{ index: 3, count: 1 }],
      verificationData: hex("010203"),
    });
    expect(parseRequest(bytes)).toMatchObject({
      kind: "getBlocks",
      body: { ranges: [{ index: 3, count: 1 }] },
    });
  });

  it.each([
    ["minor version 9", 0, "0009"],
    ["version 2.0 for a type of 1.0", 2, "0002"],
  ])("PCCRR-112 %s", (_, at, value) => {
    const bytes = vector("MSG_GETBLKS").slice();
    bytes.set(hex(value), at);
    expect(parseRequest(bytes).kind).toBe("getBlocks");
  });

  it.each(["0000", "0003", "ffff"])("PCCRR-112 of major version %s only the header is read", (major) => {
    const bytes = vector("MSG_GETBLKS").slice();
    bytes.set(hex(major), 2);
    bytes.set(hex("ffffffff"), 16);
    expect(parseRequest(bytes)).toEqual({ kind: "otherVersion", cipher: 1 });
  });
});

describe("strict", () => {
  const request = vector("MSG_GETBLKS");
  const response = vector("MSG_BLK, block 3 = ");
  const at = (bytes: Uint8Array, offset: number, value: string): Uint8Array => {
    const copy = bytes.slice();
    copy.set(hex(value), offset);
    return copy;
  };

  it.each([
    ["PCCRR-21 type 8", at(request, 4, "00000008"), "BC_DECODE_VALUE"],
    ["PCCRR-22 a response type", at(request, 4, "00000005"), "BC_DECODE_VALUE"],
    ["PCCRR-23 cipher 4", at(request, 12, "00000004"), "BC_DECODE_VALUE"],
    ["PCCRR-26 block 512", at(request, request.length - 12, "0000020000000001"), "BC_DECODE_VALUE"],
    [
      "PCCRR-26 block 511 and the next",
      at(request, request.length - 12, "000001ff00000002"),
      "BC_DECODE_VALUE",
    ],
    ["PCCRR-26 a count that wraps", at(request, request.length - 12, "0000000fffffffff"), "BC_DECODE_VALUE"],
    ["PCCRR-130 MsgSize too small", at(request, 8, "00000043"), "BC_DECODE_INCONSISTENT"],
    ["PCCRR-130 MsgSize too big", at(request, 8, "00000045"), "BC_DECODE_INCONSISTENT"],
    ["PCCRR-130 a range too many", at(request, request.length - 16, "00000002"), "BC_DECODE_TRUNCATED"],
    [
      "PCCRR-134 four thousand million ranges",
      at(request, request.length - 16, "ffffffff"),
      "BC_DECODE_LIMIT",
    ],
    ["PCCRR-130 bytes after it", withSize(concatBytes(request, hex("00"))), "BC_DECODE_TRAILING"],
    ["PCCRR-37 257 ranges", manyRanges(257), "BC_DECODE_LIMIT"],
    [
      "PCCRR-131 no segment",
      withSize(hex(`00000002000000060000000000000001${"a0".repeat(16)}0000000000000000`)),
      "BC_DECODE_LIMIT",
    ],
    ["PCCRR-15 too long", withSize(new Uint8Array(98_305)), "BC_DECODE_LIMIT"],
    ["PCCRR-15 too short", request.subarray(0, 15), "BC_DECODE_TRUNCATED"],
  ])("refuses a request: %s", (_, bytes, code) => {
    expect(codeOf(() => parseRequest(bytes))).toBe(code);
  });

  it.each([
    ["PCCRR-17 Size other than the bytes", at(response, 0, "000000c9"), "BC_DECODE_INCONSISTENT"],
    ["PCCRR-17 MsgSize other than Size", at(response, 12, "000000c9"), "BC_DECODE_INCONSISTENT"],
    ["PCCRR-22 a request type", at(response, 8, "00000003"), "BC_DECODE_VALUE"],
    ["PCCRR-104 type 99", at(response, 8, "00000063"), "BC_DECODE_VALUE"],
    ["major version 3", at(response, 6, "0003"), "BC_DECODE_VALUE"],
    ["PCCRR-16 too long", withPrefix(new Uint8Array(393_217)), "BC_DECODE_LIMIT"],
    ["PCCRR-27 an empty segment range", segmentListWith("0000000000000000"), "BC_DECODE_VALUE"],
    ["without its Size", response.subarray(4), "BC_DECODE_INCONSISTENT"],
  ])("refuses a response: %s", (_, bytes, code) => {
    expect(codeOf(() => parseResponse(bytes))).toBe(code);
  });

  it.each([
    ["PCCRR-37 no range", getBlockList, { segmentId: A, ranges: [] }],
    ["PCCRR-26 an empty range", getBlockList, { segmentId: A, ranges: [{ index: 0, count: 0 }] }],
    ["PCCRR-26 blocks past the segment", getBlockList, { segmentId: A, ranges: [{ index: 500, count: 13 }] }],
    ["an ID of 20 bytes", getBlockList, { segmentId: new Uint8Array(20), ranges: [{ index: 0, count: 1 }] }],
    ["PCCRR-15 too many IDs", getSegmentList, { requestId, segmentIds: Array(2_730).fill(A), blob: none }],
    [
      "PCCRR-15 too long with its blob",
      getSegmentList,
      { requestId, segmentIds: Array(2_729).fill(A), blob: new Uint8Array(64) },
    ],
  ])("will not send %s", (_, kind, value) => {
    expect(codeOf(() => encodeMessage(kind as MessageKind<unknown>, 1, value))).toBe("BC_ENCODE_VALUE");
  });

  it("PCCRR-15 2,729 IDs fit", () => {
    const bytes = encodeMessage(getSegmentList, 1, {
      requestId,
      segmentIds: Array(2_729).fill(A),
      blob: none,
    });
    expect(bytes.length).toBeLessThanOrEqual(98_304);
    expect(parseRequest(bytes).kind).toBe("getSegmentList");
  });

  it("PCCRR-16 a V2 block of 128 KiB fits", () => {
    const data = new Uint8Array(131_088);
    const bytes = encodeMessage(block, 1, oneBlock({ blockIndex: 0, nextBlockIndex: 0, data, iv }));
    expect(bytes.length).toBe(4 + 131_176);
    expect(parseResponse(bytes).kind).toBe("block");
  });
});

describe("properties", () => {
  const all = examples.map(({ kind, name }) => ({ kind, bytes: vector(name) }));

  it("a message cut anywhere fails cleanly, also with its sizes set right", () => {
    for (const { bytes, kind } of all) {
      for (let length = 0; length < bytes.length; length++) {
        expect(() => parse(kind, bytes.subarray(0, length))).toThrow(DecodeError);
        const sized =
          kind.direction === "request"
            ? withSize(bytes.slice(0, length))
            : withPrefix(bytes.slice(4, Math.max(4, length)));
        expect(() => parse(kind, sized)).toThrow(DecodeError);
      }
    }
  });

  it("any other bytes give a value or a DecodeError, and what was read can be written again", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        ({ bytes, kind }, changes) => {
          const mutant = bytes.slice();
          for (const [offset, value] of changes) mutant[offset % mutant.length] = value;
          try {
            const parsed = parse(kind, mutant);
            expect(parsed.kind).toBeTypeOf("string");
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("blocks of any length come back as they went", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 20 }),
        fc.nat(511),
        (data, verification, vector_, blockIndex) => {
          const value = { segmentId: B, blockIndex, nextBlockIndex: 0, data, verification, iv: vector_ };
          const parsed = parseResponse(encodeMessage(block, 1, value));
          expect(parsed).toEqual({ kind: "block", cipher: 1, body: value });
        },
      ),
    );
  });
});

/** Sets MsgSize to what it is. */
function withSize(message: Uint8Array): Uint8Array {
  const copy = message.slice();
  if (copy.length >= 12) new DataView(copy.buffer).setUint32(8, copy.length);
  return copy;
}

function withPrefix(message: Uint8Array): Uint8Array {
  const sized = withSize(message);
  const prefix = new Uint8Array(4);
  new DataView(prefix.buffer).setUint32(0, sized.length);
  return concatBytes(prefix, sized);
}

function manyRanges(count: number): Uint8Array {
  const head = hex(`0000000100000002000000000000000100000020${toHex(A)}`);
  const countBytes = new Uint8Array(4);
  new DataView(countBytes.buffer).setUint32(0, count);
  return withSize(concatBytes(head, countBytes, hex("0000000000000001".repeat(count))));
}

function segmentListWith(range: string): Uint8Array {
  return withPrefix(hex(`00000002000000070000000000000001${toHex(requestId)}00000001${range}00000000`));
}
