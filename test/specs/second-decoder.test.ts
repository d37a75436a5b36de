/** What we write, read by the decoders compiled from the Kaitai definitions, field by field. */
import {
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
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
} from "@branchcache/retrieval";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { essenceOfFields, essenceOfOurs, messageFields } from "./fields.ts";
import { definitionNames, readByDefinition } from "./kaitai.ts";

const bytes = (lengthBytes: number) => fc.uint8Array({ minLength: lengthBytes, maxLength: lengthBytes });
const segmentId = fc.constantFrom(32, 48, 64).chain(bytes);
const anyBytes = fc.uint8Array({ maxLength: 80 });
const index = fc.integer({ min: 0, max: 511 });
const blockRange = index.chain((first) =>
  fc.record({ index: fc.constant(first), count: fc.integer({ min: 1, max: 512 - first }) }),
);
const anyRange = fc.record({
  index: fc.integer({ min: 0, max: 9_999 }),
  count: fc.integer({ min: 1, max: 9_999 }),
});
const version = fc.record({ major: fc.integer({ min: 0, max: 9 }), minor: fc.integer({ min: 0, max: 9 }) });
const versions = fc.record({ min: version, max: version });
const requestId = bytes(16);

const ranges = (range: fc.Arbitrary<{ index: number; count: number }>) =>
  fc.array(range, { minLength: 1, maxLength: 12 });
// biome-ignore lint/suspicious/noExplicitAny: a table of all kinds
const kinds: readonly (readonly [string, MessageKind<any>, fc.Arbitrary<unknown>])[] = [
  ["MSG_NEGO_REQ", negoRequest, versions],
  ["MSG_NEGO_RESP", negoResponse, versions],
  ["MSG_GETBLKLIST", getBlockList, fc.record({ segmentId, ranges: ranges(blockRange) })],
  [
    "MSG_GETBLKS",
    getBlocks,
    fc.record({ segmentId, ranges: ranges(blockRange), verificationData: anyBytes }),
  ],
  [
    "MSG_GETSEGLIST",
    getSegmentList,
    fc.record({ requestId, segmentIds: fc.array(segmentId, { minLength: 1, maxLength: 9 }), blob: anyBytes }),
  ],
  ["MSG_BLKLIST", blockList, fc.record({ segmentId, ranges: ranges(blockRange), nextBlockIndex: index })],
  [
    "MSG_BLK",
    block,
    fc.record({
      segmentId,
      blockIndex: index,
      nextBlockIndex: index,
      data: fc.uint8Array({ maxLength: 300 }),
      verification: anyBytes,
      iv: fc.constantFrom(0, 16).chain(bytes),
    }),
  ],
  ["MSG_SEGLIST", segmentList, fc.record({ requestId, ranges: ranges(anyRange), blob: anyBytes })],
];

describe("messages of retrieval that we write", () => {
  it.each(kinds)(
    "PCCRR-14 PCCRR-18 PCCRR-19 PCCRR-20 %s, as the definition reads it",
    async (_, kind, value) => {
      await fc.assert(
        fc.asyncProperty(value, fc.constantFrom(0, 1, 2, 3), async (body, cipher) => {
          const written = encodeMessage(kind, cipher as 0 | 1 | 2 | 3, body);
          const request = kind.direction === "request";
          const read = request ? parseRequest(written) : parseResponse(written);
          if (read.kind === "otherVersion") throw new Error("another version");
          const sizeBytes = request ? written.length : written.length - 4;
          const expected = messageFields({ ...read, body } as typeof read, sizeBytes, kind.direction);
          const definition = request ? "retrieval_message" : "retrieval_response";
          expect(await readByDefinition(definition, written)).toEqual(
            request ? expected : { size: sizeBytes, message: expected },
          );
        }),
        { numRuns: 60 },
      );
    },
  );

  it("PCCRR-28 ages, as the definition reads them", async () => {
    const ages = fc.array(
      fc.record({
        segmentIndex: fc.integer({ min: 0, max: 255 }),
        ageMs: fc.integer({ min: 0, max: 160_000_000 }),
      }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(ages, async (list) => {
        const fields = await readByDefinition("segment_ages", encodeSegmentAges(list));
        const read = fields["ages"] as { segmentIndex: number; low: number; middle: number; high: number }[];
        expect(fields["unit"]).toBe(3);
        expect(read.map((age) => [age.segmentIndex, age.low + age.middle * 256 + age.high * 65_536])).toEqual(
          list.map(({ segmentIndex, ageMs }) => [segmentIndex, Math.round(ageMs / 10)]),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe("Content Information that we write", () => {
  const secret = ServerSecret.fromPassphrase("of the second decoder");
  const content = new Uint8Array(700_000);
  for (let i = 0; i < content.length; i++) content[i] = (i * 31 + (i >> 9) * 17) & 0xff;
  const published = publishBytes(content, { engine: nodeHashEngine, versions: [1, 2] });

  it.each([1, 2] as const)(
    "PCCRC-26 PCCRC-31 PCCRC-34 version %i.0, any range, as the definition reads it",
    async (major) => {
      const publication = major === 1 ? published.v1 : published.v2;
      if (publication === undefined) throw new Error("nothing published");
      const range = fc.integer({ min: 0, max: content.length - 1 }).chain((startBytes) =>
        fc.record({
          startBytes: fc.constant(startBytes),
          endBytes: fc.integer({ min: startBytes + 1, max: content.length }),
        }),
      );
      await fc.assert(
        fc.asyncProperty(range, async (wanted) => {
          const written = writeContentInformation(publication, secret, nodeHashEngine, wanted);
          const fields = await readByDefinition("content_information", written);
          expect(fields["majorVersion"]).toBe(major);
          const essence = essenceOfFields(fields);
          expect(essence.range).toEqual([wanted.startBytes, wanted.endBytes]);
          expect(essence).toEqual(essenceOfOurs(readContentInformation(written, nodeHashEngine)));
        }),
        { numRuns: 60 },
      );
    },
  );

  it("a damaged length is refused by both", async () => {
    if (published.v2 === undefined) throw new Error("nothing published");
    const written = writeContentInformation(published.v2, secret, nodeHashEngine);
    for (const cut of [1, 3, 30, written.length - 1]) {
      await expect(readByDefinition("content_information", written.subarray(0, cut))).rejects.toThrow();
      expect(() => readContentInformation(written.subarray(0, cut), nodeHashEngine)).toThrow();
    }
  });
});

it("every definition compiles", async () => {
  for (const name of definitionNames) {
    await expect(readByDefinition(name, new Uint8Array(0), 1)).rejects.toThrow(
      /EOF|end of stream|bytes|validation/i,
    );
  }
});
