import { readSegmentInformation, type Segment, writeSegmentInformation } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, DecodeError, encode, errorCode, toHex } from "@branchcache/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import batched from "../../../../protocol-specs/pchc/vectors/batched-offer.json" with { type: "json" };
import initialOffers from "../../../../protocol-specs/pchc/vectors/initial-offer.json" with { type: "json" };
import responses from "../../../../protocol-specs/pchc/vectors/response.json" with { type: "json" };
import infos from "../../../../protocol-specs/pchc/vectors/segment-info.json" with { type: "json" };
import {
  batchedOffer,
  contentTag,
  contentTagName,
  DESCRIPTOR_BYTES,
  descriptorOf,
  encodeResponse,
  headerOf,
  initialOffer,
  MAX_REQUEST_BYTES_V2,
  type OfferVersion,
  offeredBlocks,
  offeredSegment,
  parseOfferRequest,
  parseResponse,
  type SegmentDescriptor,
  SMB_TAG,
  segmentInfo,
} from "../../src/index.ts";
import { hex, segments, v1Segment, v2Segments } from "../content.ts";

const tag = contentTag("WinINet");
const messages = {
  initialOffer: initialOffers.vectors[0]?.hex ?? "",
  segmentInfo: infos.vectors[0]?.hex ?? "",
  batchedV2: batched.vectors[0]?.hex ?? "",
  batchedV1: batched.vectors[1]?.hex ?? "",
  ok: responses.vectors[0]?.hex ?? "",
  interested: responses.vectors[1]?.hex ?? "",
};
const idOfV1 = hex("4207be28667f27b744d5aeefee80ff93b44f8715246f683a3f670899c37338eb");

const descriptor = (values: Partial<SegmentDescriptor> = {}): SegmentDescriptor => ({
  blockSizeBytes: 65_536,
  lengthBytes: 65_537,
  contentTagBytes: 16,
  contentTag: tag,
  hashAlgorithm: 1,
  segmentId: idOfV1,
  ...values,
});

const batch = (...values: readonly SegmentDescriptor[]): Uint8Array =>
  encode(batchedOffer, { header: headerOf(2, 3, 80), segments: values });

describe("vectors", () => {
  it("PCHC-19 PCHC-20 PCHC-21 PCHC-23 PCHC-25 writes and reads an INITIAL_OFFER", () => {
    const bytes = hex(messages.initialOffer);
    expect(toHex(encode(initialOffer, { header: headerOf(1, 1, 80), segmentId: idOfV1 }))).toEqual(
      messages.initialOffer,
    );
    expect(parseOfferRequest(bytes, 1)).toEqual({ kind: "initialOffer", port: 80, segmentId: idOfV1 });
  });

  it("PCHC-26 to PCHC-32: PCHC-26 PCHC-27 PCHC-28 PCHC-29 PCHC-30 PCHC-31 PCHC-32 writes and reads a SEGMENT_INFO", () => {
    const request = parseOfferRequest(hex(messages.segmentInfo), 1);
    if (request.kind !== "segmentInfo" || !request.information) throw new Error("no SEGMENT_INFO");
    expect(request.contentTag).toEqual(tag);
    const segment = readSegmentInformation(request.information, engine);
    expect(toHex(segment.id)).toEqual(toHex(idOfV1));
    expect([segment.lengthBytes, segment.offsetBytes, segment.blockHashes.length]).toEqual([65_537, 0, 2]);
    const again = encode(segmentInfo, {
      header: headerOf(1, 2, 80),
      contentTag: tag,
      information: writeSegmentInformation(segment),
    });
    expect(toHex(again)).toEqual(messages.segmentInfo);
  });

  it("PCHC-34 PCHC-35 writes and reads BATCHED_OFFERs of both kinds of segments", () => {
    const two = parseOfferRequest(hex(messages.batchedV2), 2);
    if (two.kind !== "batchedOffer") throw new Error("no BATCHED_OFFER");
    expect(two.segments.map(({ hashAlgorithm, lengthBytes }) => [hashAlgorithm, lengthBytes])).toEqual([
      [4, 65_536],
      [4, 1],
    ]);
    expect(toHex(batch(...two.segments))).toEqual(messages.batchedV2);
    expect(toHex(batch(descriptor()))).toEqual(messages.batchedV1);
  });

  it("PCHC-36 PCHC-37 writes and reads responses with their Size in front", () => {
    expect(toHex(encodeResponse("ok"))).toEqual(messages.ok);
    expect(toHex(encodeResponse("interested"))).toEqual(messages.interested);
    expect(parseResponse(hex(messages.ok))).toEqual("ok");
    expect(parseResponse(hex(messages.interested))).toEqual("interested");
    for (const bad of ["", "00000001", "0000000102", "0000000200", "000000010000", "0100000000"]) {
      expect(() => parseResponse(hex(bad)), bad).toThrow(DecodeError);
    }
  });
});

describe("what is dropped, and what is not", () => {
  const initial = hex(messages.initialOffer);
  const changed = (bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
    const copy = bytes.slice();
    copy.set(values, at);
    return copy;
  };
  const valid = batch(descriptor());
  const cases: readonly [string, Uint8Array, OfferVersion, string][] = [
    ["PCHC-54 an empty body", new Uint8Array(0), 1, "BC_DECODE_TRUNCATED"],
    ["PCHC-54 a header cut off", initial.subarray(0, 15), 1, "BC_DECODE_TRUNCATED"],
    ["PCHC-20 version 254.254", changed(initial, 0, 0xfe, 0xfe), 1, "BC_DECODE_VALUE"],
    ["PCHC-21 type 0xFEFE", changed(initial, 2, 0xfe, 0xfe), 1, "BC_DECODE_VALUE"],
    ["PCHC-21 a little-endian type", changed(initial, 2, 0x01, 0x00), 1, "BC_DECODE_VALUE"],
    ["PCHC-9 PCHC-24 version 1.0 over HTTP", initial, 2, "BC_DECODE_VALUE"],
    ["PCHC-9 PCHC-24 version 2.0 over HTTPS", valid, 1, "BC_DECODE_VALUE"],
    ["PCHC-24 an INITIAL_OFFER of version 2.0", changed(initial, 1, 2), 2, "BC_DECODE_VALUE"],
    ["PCHC-24 a BATCHED_OFFER of version 1.0", changed(valid, 1, 1), 1, "BC_DECODE_VALUE"],
    ["PCHC-25 an empty Hash", initial.subarray(0, 16), 1, "BC_DECODE_VALUE"],
    ["PCHC-25 a Hash of 31 bytes", initial.subarray(0, 47), 1, "BC_DECODE_VALUE"],
    ["PCHC-54 no descriptor", valid.subarray(0, 16), 2, "BC_DECODE_LIMIT"],
    ["PCHC-54 half a descriptor", valid.subarray(0, 74), 2, "BC_DECODE_TRUNCATED"],
    ["PCHC-54 a byte too many", concatBytes(valid, Uint8Array.of(0)), 2, "BC_DECODE_TRUNCATED"],
    ["PCHC-34 SizeOfContentTag 0", changed(valid, 24, 0, 0), 2, "BC_DECODE_VALUE"],
    ["PCHC-54 SegmentSize 0", changed(valid, 20, 0, 0, 0, 0), 2, "BC_DECODE_VALUE"],
    ["PCHC-54 BlockSize 0", changed(valid, 16, 0, 0, 0, 0), 2, "BC_DECODE_VALUE"],
    [
      "PCHC-33 129 descriptors",
      concatBytes(valid, ...Array.from({ length: 128 }, () => valid.subarray(16))),
      2,
      "BC_DECODE_LIMIT",
    ],
    ["a body over the limit", new Uint8Array(MAX_REQUEST_BYTES_V2 + 1), 2, "BC_DECODE_LIMIT"],
  ];
  it.each(cases)("%s is dropped", (_, bytes, version, code) => {
    let thrown: unknown;
    try {
      parseOfferRequest(bytes, version);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DecodeError);
    expect(errorCode(thrown)).toEqual(code);
  });

  it("PCHC-22 ignores padding of any value, and the minor version", () => {
    const noisy = changed(changed(initial, 4, 1, 2, 3, 4), 10, 5, 6, 7, 8, 9, 10);
    expect(parseOfferRequest(noisy, 1)).toEqual(parseOfferRequest(initial, 1));
    expect(parseOfferRequest(changed(initial, 0, 7), 1)).toEqual(parseOfferRequest(initial, 1));
  });

  it("PCHC-25 takes identifiers of all three lengths", () => {
    for (const length of [32, 48, 64]) {
      const bytes = encode(initialOffer, {
        header: headerOf(1, 1, 80),
        segmentId: new Uint8Array(length).fill(3),
      });
      const request = parseOfferRequest(bytes, 1);
      expect(request.kind === "initialOffer" && request.segmentId.length).toEqual(length);
    }
  });

  it("PCHC-50 takes a SEGMENT_INFO with anything behind its header, for it is answered all the same", () => {
    for (const bytes of [0, 1, 16, 17]) {
      const request = parseOfferRequest(
        concatBytes(hex("00010002000000000050000000000000"), new Uint8Array(bytes)),
        1,
      );
      expect(request.kind).toEqual("segmentInfo");
    }
  });

  it("PCHC-33 holds the sender to 128 descriptors", () => {
    const many = Array.from({ length: 129 }, () => descriptor());
    expect(() => batch(...many)).toThrow(/129 items/);
    expect(batch(...many.slice(1)).length).toEqual(16 + 128 * DESCRIPTOR_BYTES);
  });
});

describe("descriptors and segments", () => {
  it("describes segments of both versions, and reads them back", () => {
    const [v2 = v1Segment(1)] = segments(2, 50_000);
    for (const [segment, blocks] of [
      [v1Segment(3), 3],
      [v2, 1],
    ] as const) {
      const described = descriptorOf(segment, tag);
      const offered = described && offeredSegment(described);
      expect(offered).toEqual({
        id: segment.id,
        algorithm: segment.algorithm,
        lengthBytes: segment.lengthBytes,
        blockSizeBytes: segment.blockSizeBytes,
      });
      expect(offered && offeredBlocks(offered)).toEqual(blocks);
    }
  });

  it.each([
    ["an unknown algorithm", { hashAlgorithm: 0xfe }],
    ["a version 1.0 segment over 32 MiB", { lengthBytes: 2 ** 25 + 1 }],
    ["version 1.0 blocks of another size", { blockSizeBytes: 4_096 }],
    [
      "a version 2.0 segment over 128 KiB",
      { hashAlgorithm: 4, lengthBytes: 131_073, blockSizeBytes: 131_073 },
    ],
    [
      "a version 2.0 segment of two blocks",
      { hashAlgorithm: 4, lengthBytes: 65_537, blockSizeBytes: 65_536 },
    ],
  ])("skips %s", (_, values) => {
    expect(offeredSegment(descriptor(values))).toBeUndefined();
  });

  it("takes a block size above the segment's for one block", () => {
    const offered = offeredSegment(descriptor({ lengthBytes: 700, blockSizeBytes: 1_000_000 }));
    expect(offered && offeredBlocks(offered)).toEqual(1);
    expect(offered?.blockSizeBytes).toEqual(65_536);
  });

  it("PCHC-58 names content tags", () => {
    expect(contentTagName(tag)).toEqual("WinINet");
    expect(contentTagName(SMB_TAG)).toEqual("SMB");
    expect(contentTagName(new Uint8Array(16))).toEqual("0".repeat(32));
    expect(() => contentTag("seventeen letters")).toThrow(RangeError);
  });
});

describe("segment information", () => {
  const whole = v1Segment(4);
  const partOf = (first: number, count: number): Segment => ({
    ...whole,
    id: whole.id,
    secret: whole.secret,
    firstBlockIndex: first,
    blockHashes: whole.blockHashes.slice(first, first + count),
  });

  it.each([
    [0, 4],
    [1, 3],
    [1, 2],
    [2, 1],
  ])("PCHC-28 PCHC-32 copies a list from block %i of %i blocks as it is", (first, count) => {
    const segment = partOf(first, count);
    const read = readSegmentInformation(writeSegmentInformation(segment), engine);
    expect([read.firstBlockIndex, read.blockHashes.length]).toEqual([first, count]);
    expect(read.blockHashes).toEqual(segment.blockHashes);
    expect(toHex(read.id)).toEqual(toHex(whole.id));
  });

  it("reads what senders give as dwReadBytesInLastSegment, whatever it is", () => {
    const bytes = writeSegmentInformation(whole);
    for (const value of [0, 1, whole.lengthBytes, 0xffff_ffff]) {
      const copy = bytes.slice();
      new DataView(copy.buffer).setUint32(10, value, true);
      expect(readSegmentInformation(copy, engine).lengthBytes, String(value)).toEqual(whole.lengthBytes);
    }
  });

  it("refuses every cut, every tail, two segments, other versions and algorithms", () => {
    const bytes = writeSegmentInformation(v1Segment(1));
    for (let end = 0; end < bytes.length; end++) {
      expect(() => readSegmentInformation(bytes.subarray(0, end), engine)).toThrow(DecodeError);
    }
    const bad: [string, number, number][] = [
      ["two segments", 14, 2],
      ["no segment", 14, 0],
      ["version 0xFE", 1, 0xfe],
      ["version 2.0", 1, 2],
      ["an algorithm", 2, 0xfe],
      ["an offset beyond the segment", 8, 0xff],
    ];
    for (const [what, at, value] of bad) {
      const copy = bytes.slice();
      copy[at] = value;
      expect(() => readSegmentInformation(copy, engine), what).toThrow(DecodeError);
    }
    expect(() => readSegmentInformation(concatBytes(bytes, Uint8Array.of(0)), engine)).toThrow(DecodeError);
  });
});

describe("properties", () => {
  const anyDescriptor = fc
    .record({
      blockSizeBytes: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      lengthBytes: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      contentTag: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      hashAlgorithm: fc.integer({ min: 0, max: 255 }),
      segmentId: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    })
    .map((values) => descriptor(values));

  it("reading undoes writing", () => {
    fc.assert(
      fc.property(fc.array(anyDescriptor, { minLength: 1, maxLength: 128 }), (values) => {
        const request = parseOfferRequest(batch(...values), 2);
        expect(request).toEqual({ kind: "batchedOffer", port: 80, segments: values });
      }),
      { numRuns: 50 },
    );
  });

  it("any bytes give a message or a DecodeError", () => {
    const starts = [new Uint8Array(0), ...Object.values(messages).map((text) => hex(text).subarray(0, 20))];
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(1 as const, 2 as const),
        (start, rest, version) => {
          const bytes = concatBytes(start, rest);
          for (const read of [
            () => parseOfferRequest(bytes, version),
            () => parseResponse(bytes),
            () => readSegmentInformation(bytes, engine),
          ]) {
            try {
              read();
            } catch (error) {
              expect(error).toBeInstanceOf(DecodeError);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("a message cut at any byte is refused, or is an offer of fewer segments", () => {
    const bytes = batch(...v2Segments(3).flatMap((segment) => descriptorOf(segment, tag) ?? []));
    for (let end = 0; end < bytes.length; end++) {
      const cut = bytes.subarray(0, end);
      if (end > 16 && (end - 16) % DESCRIPTOR_BYTES === 0) {
        expect(parseOfferRequest(cut, 2).kind).toEqual("batchedOffer");
      } else expect(() => parseOfferRequest(cut, 2)).toThrow(DecodeError);
    }
  });
});
