import type { SegmentId } from "@branchcache/content-info";
import { concatBytes, fromHex, toHex } from "@branchcache/runtime";
import { type ManualClock, manualClock, recordingObserver } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type BlockSource,
  createRetrievalServer,
  decodeSegmentAges,
  encodeMessage,
  getBlockList,
  getBlocks,
  getSegmentList,
  negoRequest,
  parseResponse,
  type Response,
  type RetrievalAnswer,
  type RetrievalServerOptions,
} from "../../src/index.ts";
import vectors from "../vectors/messages.json" with { type: "json" };

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;
const vector = (start: string): Uint8Array =>
  hex(vectors.messages.find(({ name }) => name.startsWith(start))?.hex ?? "");
const A = hex("ad9724d3999d5c863a940aa3187052fa5833aed2526f3c056c727a0fcfd5577b");
const B = hex("32fbbecfe2780e6cc55b10d972295925c143818e3d8e8096de46906d6661f310");
const C = hex("5716a3a299be4f9bb84ed8088f14225477288ed7e51abe4b341e6ed1751ae94a");
const iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const requestId = hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
const none = new Uint8Array(0);
const sealed = { cipher: 1, iv, data: hex(vectors.ciphertexts[1]) } as const;

/** Blocks 0, 1, 3, 11 and 20 of segment A. */
const held = [0, 1, 3, 11, 20];
const source: BlockSource = {
  heldBlocks: async (id) => (toHex(id) === toHex(A) ? held : undefined),
  block: async (id, index) =>
    toHex(id) === toHex(A) && held.includes(index)
      ? { sealed, nextBlockIndex: held.find((each) => each > index) ?? 0 }
      : undefined,
};

let clock: ManualClock;
beforeEach(() => {
  clock = manualClock();
});

const start = (options: Partial<RetrievalServerOptions> = {}) =>
  createRetrievalServer({ source, clock, ...options });
const bodyOf = (answer: RetrievalAnswer): Uint8Array => {
  if (answer.kind !== "message") throw new Error(`no message but ${answer.kind}`);
  const bytes = concatBytes(...answer.parts);
  expect(bytes).toHaveLength(answer.lengthBytes);
  return bytes;
};
const ask = async (request: Uint8Array, options: Partial<RetrievalServerOptions> = {}): Promise<Response> => {
  const answer = await start(options).handle(request, "192.0.2.1");
  const body = bodyOf(answer);
  if (answer.kind === "message") answer.done();
  return parseResponse(body);
};
const blockRequest = (...ranges: [number, number][]) =>
  encodeMessage(getBlocks, 1, {
    segmentId: A,
    ranges: ranges.map(([index, count]) => ({ index, count })),
    verificationData: none,
  });
const listRequest = (segmentId: SegmentId, ...ranges: [number, number][]) =>
  encodeMessage(getBlockList, 1, { segmentId, ranges: ranges.map(([index, count]) => ({ index, count })) });

describe("answers", () => {
  it("PCCRR-51 PCCRR-72 PCCRR-111 MSG_NEGO_RESP with our versions", async () => {
    const answer = await start().handle(vector("MSG_NEGO_REQ"), "");
    expect(toHex(bodyOf(answer))).toBe(toHex(vector("MSG_NEGO_RESP")));
  });

  it.each(["getBlockList", "getBlocks", "getSegmentList"])(
    "PCCRR-112 of a major version that is not ours, whatever the type: %s",
    async (kind) => {
      const requests: Record<string, Uint8Array> = {
        getBlockList: listRequest(A, [0, 1]),
        getBlocks: blockRequest([0, 1]),
        getSegmentList: encodeMessage(getSegmentList, 1, { requestId, segmentIds: [A], blob: none }),
      };
      const request = requests[kind]?.slice() ?? none;
      request[3] = 3;
      const { kind: answer } = await ask(request);
      expect(answer).toBe("nego");
      request[3] = 0;
      expect((await ask(request)).kind).toBe("nego");
    },
  );

  it("PCCRR-5 PCCRR-6 PCCRR-56 PCCRR-57 PCCRR-113 PCCRR-121 worked example of a block, its ciphertext uncopied", async () => {
    const fewer: BlockSource = { ...source, block: async () => ({ sealed, nextBlockIndex: 11 }) };
    const answer = await start({ source: fewer }).handle(vector("MSG_GETBLKS"), "");
    expect(toHex(bodyOf(answer))).toBe(toHex(vector("MSG_BLK, block 3 = ")));
    expect(answer.kind === "message" && answer.parts).toContain(sealed.data);
  });

  it("PCCRR-55 PCCRR-120 PCCRR-121 worked example of a missing block", async () => {
    const empty: BlockSource = { heldBlocks: async () => undefined, block: async () => undefined };
    const answer = await start({ source: empty }).handle(vector("MSG_GETBLKS"), "");
    expect(toHex(bodyOf(answer))).toBe(toHex(vector("MSG_BLK, block 3 missing")));
  });

  it("PCCRR-122 an unencrypted block has its padding and no IV", async () => {
    const plain = { cipher: 0, iv: none, data: hex("68656c6c6f") } as const;
    const clear: BlockSource = { ...source, block: async () => ({ sealed: plain, nextBlockIndex: 0 }) };
    const answer = await start({ source: clear }).handle(blockRequest([0, 1]), "");
    expect(toHex(bodyOf(answer))).toBe(toHex(vector("MSG_BLK, algorithm 0")));
  });

  it("PCCRR-25 the source hears which cipher the client would like", async () => {
    const asked: number[] = [];
    const listening: BlockSource = {
      ...source,
      block: async (id, index, preferred) => {
        asked.push(preferred);
        return source.block(id, index, preferred);
      },
    };
    const request = encodeMessage(getBlocks, 3, {
      segmentId: A,
      ranges: [{ index: 0, count: 1 }],
      verificationData: none,
    });
    expect((await ask(request, { source: listening })).cipher).toBe(1);
    expect(asked).toEqual([3]);
  });

  it.each([
    ["PCCRR-118 one block", [[3, 1]], 3, 11],
    [
      "PCCRR-119 the lowest of several",
      [
        [11, 2],
        [1, 5],
      ],
      1,
      3,
    ],
    ["PCCRR-119 also if only a higher one is held", [[2, 10]], 2, 3],
    ["PCCRR-54 the last one held", [[20, 1]], 20, 0],
    ["PCCRR-54 past the last one held", [[30, 1]], 30, 0],
  ] as [string, [number, number][], number, number][])(
    "%s",
    async (_, ranges, blockIndex, nextBlockIndex) => {
      const answer = await ask(blockRequest(...ranges));
      expect(answer).toMatchObject({ kind: "block", body: { segmentId: A, blockIndex, nextBlockIndex } });
      if (answer.kind !== "block") return;
      expect(answer.body.data.length > 0).toBe(held.includes(blockIndex));
      expect(answer.body.verification).toHaveLength(0);
    },
  );

  it("PCCRR-38 an empty range, and no range at all: an empty block", async () => {
    const request = blockRequest([5, 1]);
    new DataView(request.buffer).setUint32(request.length - 8, 0);
    expect(await ask(request)).toMatchObject({ body: { blockIndex: 5, data: none } });
    const without = request.slice(0, request.length - 8);
    const view = new DataView(without.buffer);
    view.setUint32(8, without.length);
    view.setUint32(without.length - 8, 0);
    view.setUint32(without.length - 4, 0);
    expect(await ask(without)).toMatchObject({ body: { blockIndex: 0, data: none } });
  });

  it.each([
    [
      "PCCRR-53 PCCRR-117 the intersection",
      [
        [0, 4],
        [10, 2],
      ],
      [
        [0, 2],
        [3, 1],
        [11, 1],
      ],
      20,
    ],
    [
      "PCCRR-39 PCCRR-40 of ranges that overlap, out of order",
      [
        [10, 5],
        [0, 2],
        [1, 1],
        [11, 500],
      ],
      [
        [0, 2],
        [11, 1],
        [20, 1],
      ],
      0,
    ],
    ["PCCRR-52 nothing of it", [[4, 5]], [], 0],
    ["PCCRR-54 the next held one after the last listed", [[0, 1]], [[0, 1]], 1],
  ] as [string, [number, number][], [number, number][], number][])(
    "block list: %s",
    async (_, asked, listed, nextBlockIndex) => {
      const ranges = listed.map(([index, count]) => ({ index, count }));
      expect(await ask(listRequest(A, ...asked))).toMatchObject({
        kind: "blockList",
        body: { segmentId: A, ranges, nextBlockIndex },
      });
    },
  );

  it("PCCRR-52 block list of an unknown segment", async () => {
    expect(await ask(listRequest(B, [0, 512]))).toMatchObject({
      body: { segmentId: B, ranges: [], nextBlockIndex: 0 },
    });
  });

  const segmentsRequest = encodeMessage(getSegmentList, 1, { requestId, segmentIds: [A, B, C], blob: none });

  it("PCCRR-58 PCCRR-60 PCCRR-61 PCCRR-127 segment list by held blocks", async () => {
    const answer = await ask(segmentsRequest);
    expect(answer).toMatchObject({ body: { requestId, ranges: [{ index: 0, count: 1 }], blob: none } });
  });

  it("PCCRR-62 PCCRR-63 segment list with ages, counted from the first held", async () => {
    const aged: BlockSource = { ...source, segmentAges: async () => [undefined, 1_234_500, 60_000] };
    const answer = await start({ source: aged }).handle(segmentsRequest, "");
    expect(toHex(bodyOf(answer))).toBe(toHex(vector("MSG_SEGLIST, holds B and C")));
  });

  it("PCCRR-59 segment list of nothing", async () => {
    const empty: BlockSource = { ...source, segmentAges: async (ids) => ids.map(() => undefined) };
    const answer = await start({ source: empty }).handle(segmentsRequest, "");
    expect(toHex(bodyOf(answer))).toBe(toHex(vector("MSG_SEGLIST, none held")));
  });

  it("segment list of 300 held segments: 255 ages", async () => {
    const many: BlockSource = { ...source, segmentAges: async (ids) => ids.map((_, i) => i) };
    const segmentIds = Array.from({ length: 300 }, () => A);
    const answer = await ask(encodeMessage(getSegmentList, 1, { requestId, segmentIds, blob: none }), {
      source: many,
    });
    expect(answer).toMatchObject({ body: { ranges: [{ index: 0, count: 300 }] } });
    expect(answer.kind === "segmentList" && decodeSegmentAges(answer.body.blob)).toHaveLength(255);
  });

  it("PCCRR-132 a GETSEGLIST with a blob", async () => {
    const request = encodeMessage(getSegmentList, 1, {
      requestId,
      segmentIds: [A],
      blob: hex("0001030100000000"),
    });
    expect(await ask(request)).toMatchObject({ body: { ranges: [{ index: 0, count: 1 }] } });
  });

  it("PCCRR-128 PCCRR-130 a malformed message: no answer, an event, no upload", async () => {
    const observer = recordingObserver();
    const server = start({ observer });
    for (const bytes of [
      none,
      new Uint8Array(16),
      vector("MSG_GETBLKS").subarray(0, 67),
      vector("MSG_BLK"),
    ]) {
      expect(await server.handle(bytes, "192.0.2.9")).toEqual({ kind: "malformed" });
    }
    expect(observer.named("peer.bad_request")).toHaveLength(4);
    expect(observer.total("block_requests_total", { direction: "received", result: "bad_data" })).toBe(4);
    expect([server.activeUploads, clock.pending]).toEqual([0, 0]);
  });
});

describe("uploads", () => {
  it("PCCRR-105 PCCRR-115 PCCRR-116 counted from request to the end of sending, never below 0", async () => {
    const observer = recordingObserver();
    const server = start({ observer });
    expect(server.activeUploads).toBe(0);
    const answer = await server.handle(blockRequest([0, 1]), "");
    expect(server.activeUploads).toBe(1);
    if (answer.kind !== "message") throw new Error("no answer");
    answer.done();
    answer.done();
    expect(server.activeUploads).toBe(0);
    expect(observer.last("uploads_active")).toBe(0);
    expect(observer.total("served_bytes_total", { to: "peer" })).toBe(112);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ["block list", listRequest(A, [0, 4]), { kind: "blockList", body: { segmentId: A, ranges: [] } }],
    [
      "block",
      blockRequest([7, 2], [3, 1]),
      { kind: "block", body: { segmentId: A, blockIndex: 3, data: none } },
    ],
    [
      "segment list",
      encodeMessage(getSegmentList, 1, { requestId, segmentIds: [A], blob: none }),
      { kind: "segmentList", body: { requestId, ranges: [] } },
    ],
  ])("PCCRR-106 PCCRR-107 PCCRR-114 at the limit the empty %s", async (_, request, empty) => {
    const observer = recordingObserver();
    const server = start({ maxUploads: 2, observer });
    const first = await server.handle(blockRequest([0, 1]), "");
    await server.handle(blockRequest([0, 1]), "");
    expect(parseResponse(bodyOf(await server.handle(request, "")))).toMatchObject(empty);
    expect(server.activeUploads).toBe(2);
    expect(observer.total("uploads_rejected_total")).toBe(1);
    expect(
      parseResponse(
        bodyOf(
          await server.handle(
            encodeMessage(negoRequest, 1, { min: { major: 1, minor: 0 }, max: { major: 1, minor: 0 } }),
            "",
          ),
        ),
      ).kind,
    ).toBe("nego");
    if (first.kind === "message") first.done();
    const after = await ask(request);
    expect(after).not.toMatchObject(empty);
  });

  it("PCCRR-106 64 at once by default", async () => {
    const observer = recordingObserver();
    const server = start({ observer });
    for (let i = 0; i < 65; i++) await server.handle(blockRequest([0, 1]), "");
    expect(server.activeUploads).toBe(64);
    expect(observer.named("upload.limit")).toHaveLength(1);
    expect(observer.last("uploads_limit")).toBe(64);
  });

  it("PCCRR-109 after 15 s of sending the connection is dropped and the slot free", async () => {
    let drops = 0;
    const server = start();
    await server.handle(blockRequest([0, 1]), "", () => drops++);
    await clock.advance(14_999);
    expect([drops, server.activeUploads]).toEqual([0, 1]);
    await clock.advance(1);
    expect([drops, server.activeUploads, clock.pending]).toEqual([1, 0, 0]);
  });

  it("PCCRR-109 a source that never answers is given up as well", async () => {
    const stuck: BlockSource = { ...source, block: () => new Promise(() => {}) };
    const server = start({ source: stuck, uploadTimeoutMs: 100 });
    const answer = server.handle(blockRequest([0, 1]), "");
    await clock.advance(100);
    expect(await answer).toEqual({ kind: "dropped" });
    expect([server.activeUploads, clock.pending]).toEqual([0, 0]);
  });

  it("what the source lends it has back when the answer has left, was given up, or comes too late", async () => {
    let released = 0;
    const lent = { sealed, nextBlockIndex: 0, release: () => released++ };
    const server = start({ source: { ...source, block: async () => lent }, uploadTimeoutMs: 100 });
    const first = await server.handle(blockRequest([0, 1]), "");
    expect(released).toBe(0);
    if (first.kind === "message") first.done();
    if (first.kind === "message") first.done();
    expect(released).toBe(1);
    await server.handle(blockRequest([0, 1]), "");
    await clock.advance(100);
    expect(released).toBe(2);
    let deliver = (_: typeof lent): void => {};
    const slow = new Promise<typeof lent>((resolve) => {
      deliver = resolve;
    });
    const late = start({ source: { ...source, block: () => slow }, uploadTimeoutMs: 100 });
    const answer = late.handle(blockRequest([0, 1]), "");
    await clock.advance(100);
    expect(await answer).toEqual({ kind: "dropped" });
    expect(released).toBe(2);
    deliver(lent);
    await clock.advance(0);
    expect(released).toBe(3);
  });

  it("PCCRR-116 a source that fails frees the slot", async () => {
    const broken: BlockSource = { ...source, heldBlocks: () => Promise.reject(new Error("disk")) };
    const observer = recordingObserver();
    const server = start({ source: broken, observer });
    expect(await server.handle(listRequest(A, [0, 1]), "")).toEqual({ kind: "dropped" });
    expect([server.activeUploads, clock.pending]).toEqual([0, 0]);
    expect(observer.events.some(({ level }) => level === "error")).toBe(true);
  });

  it("PCCRR-7 keeps nothing of a request for the next one", async () => {
    const server = start();
    const first = bodyOf(await server.handle(blockRequest([3, 1]), ""));
    await server.handle(listRequest(B, [0, 9]), "");
    expect(bodyOf(await server.handle(blockRequest([3, 1]), ""))).toEqual(first);
  });
});

describe("whatever comes", () => {
  const requests = vectors.messages
    .filter(({ name }) => /NEGO_REQ|GET/.test(name))
    .map(({ hex: text }) => hex(text));

  it("PCCRR-128 a changed request gets one answer or none, and no slot is left taken", async () => {
    const server = start();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...requests),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 5 }),
        async (request, changes) => {
          const mutant = request.slice();
          for (const [offset, value] of changes) mutant[offset % mutant.length] = value;
          const answer = await server.handle(mutant, "");
          if (answer.kind === "message") {
            parseResponse(bodyOf(answer));
            answer.done();
          } else expect(answer.kind).toBe("malformed");
          expect([server.activeUploads, clock.pending]).toEqual([0, 0]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
