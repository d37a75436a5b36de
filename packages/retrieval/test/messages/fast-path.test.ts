/** The short cut for the messages of every block reads what the declared layouts read, and nothing that they refuse. */
import { concatBytes, DecodeError } from "@branchcache/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { block, encodeMessage, getBlocks } from "../../src/index.ts";
import { readBlockFast, readGetBlocksFast } from "../../src/messages/fast-path.ts";
import { parseAnyRequest, parseAnyResponse, parseRequest, parseResponse } from "../../src/messages/parse.ts";
import { encodeBlockInParts } from "../../src/server/block-parts.ts";

const none = new Uint8Array(0);
const cipher = fc.constantFrom(0, 1, 2, 3) as fc.Arbitrary<0 | 1 | 2 | 3>;
const idOf = (lengths: readonly number[]) =>
  fc.constantFrom(...lengths).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const iv = fc.uint8Array({ minLength: 16, maxLength: 16 });

const getBlocksMessage = fc.record({ cipher, segmentId: idOf([32]), index: fc.nat(511) });
const blockMessage = fc.record({
  cipher,
  segmentId: idOf([32]),
  blockIndex: u32,
  nextBlockIndex: u32,
  data: fc.uint8Array({ maxLength: 70 }),
  iv,
});

/** Some bytes changed, some added or taken away at the end. */
const damage = fc.record({
  changes: fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 4, 16, 32, 255)), { maxLength: 3 }),
  longerBy: fc.integer({ min: -4, max: 4 }),
});
function damaged(
  bytes: Uint8Array,
  { changes, longerBy }: { changes: readonly (readonly [number, number])[]; longerBy: number },
): Uint8Array {
  const result = new Uint8Array(Math.max(0, bytes.length + longerBy));
  result.set(bytes.subarray(0, result.length));
  for (const [at, value] of changes) if (result.length > 0) result[at % result.length] = value;
  return result;
}

/** What was read, or the fault's place and kind. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { code: error.code, path: error.path, offsetBytes: error.offsetBytes };
  }
}

describe("a MSG_GETBLKS", () => {
  const encode = (sent: { cipher: 0 | 1 | 2 | 3; segmentId: Uint8Array; index: number }) =>
    encodeMessage(getBlocks, sent.cipher, {
      segmentId: sent.segmentId,
      ranges: [{ index: sent.index, count: 1 }],
      verificationData: none,
    });

  it("PCCRR-41 for one block takes the short cut", () => {
    fc.assert(
      fc.property(getBlocksMessage, (sent) => {
        const bytes = encode(sent);
        expect(readGetBlocksFast(bytes)).toBeDefined();
        expect(parseRequest(bytes)).toEqual(parseAnyRequest(bytes));
      }),
    );
  });

  it("PCCRR-128 is read or refused as by the layouts, whatever is wrong with it", () => {
    fc.assert(
      fc.property(getBlocksMessage, damage, (sent, harm) => {
        const bytes = damaged(encode(sent), harm);
        expect(outcome(() => parseRequest(bytes))).toEqual(outcome(() => parseAnyRequest(bytes)));
      }),
      { numRuns: 300 },
    );
  });
});

describe("a MSG_BLK", () => {
  it("PCCRR-95 with a block takes the short cut", () => {
    fc.assert(
      fc.property(blockMessage, ({ cipher: sentIn, ...sent }) => {
        const bytes = encodeMessage(block, sentIn, { ...sent, verification: none });
        expect(readBlockFast(bytes)).toBeDefined();
        expect(parseResponse(bytes)).toEqual(parseAnyResponse(bytes));
      }),
    );
  });

  it("PCCRR-104 is read or refused as by the layouts, whatever is wrong with it", () => {
    fc.assert(
      fc.property(blockMessage, damage, ({ cipher: sentIn, ...sent }, harm) => {
        const bytes = damaged(encodeMessage(block, sentIn, { ...sent, verification: none }), harm);
        expect(outcome(() => parseResponse(bytes))).toEqual(outcome(() => parseAnyResponse(bytes)));
      }),
      { numRuns: 300 },
    );
  });

  it("PCCRR-57 PCCRR-35 leaves in parts that are the declared layout's bytes, for identifiers and IVs of any length", () => {
    const anyIv = fc.uint8Array({ maxLength: 20 });
    fc.assert(
      fc.property(blockMessage, idOf([0, 5, 32, 48, 64]), anyIv, (sent, segmentId, sentIv) => {
        const { blockIndex, nextBlockIndex, data } = sent;
        const parts = encodeBlockInParts(segmentId, blockIndex, nextBlockIndex, {
          cipher: sent.cipher,
          data,
          iv: sentIv,
        });
        const value = { segmentId, blockIndex, nextBlockIndex, data, verification: none, iv: sentIv };
        expect(concatBytes(...parts)).toEqual(encodeMessage(block, sent.cipher, value));
      }),
    );
  });
});
