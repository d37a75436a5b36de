// @ts-check
/** [MS-PCCRR] messages of both versions, and the extensible blob. */
import {
  block,
  blockList,
  decodeSegmentAges,
  encodeMessage,
  encodeSegmentAges,
  getBlockList,
  getBlocks,
  getSegmentList,
  negoRequest,
  negoResponse,
  parseRequest,
  parseResponse,
  segmentList,
} from "@branchcache/retrieval";
import { mustEqual, refusal, vectorsOf } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

const DECODE = /^BC_DECODE_/;

/** @param {Uint8Array} bytes @param {number} at @param {number} value */
function withNumber(bytes, at, value) {
  if (bytes.length < at + 4) return bytes;
  const right = bytes.slice();
  new DataView(right.buffer).setUint32(at, value);
  return right;
}

/**
 * What is accepted can be written, unless it is read more leniently than it may be sent, and reads the same again.
 * @param {ReturnType<typeof parseRequest> | ReturnType<typeof parseResponse>} read
 * @param {(bytes: Uint8Array) => unknown} parse
 * @param {Record<string, unknown>} kinds
 */
function again(read, parse, kinds) {
  if (read.kind === "otherVersion") return read.kind;
  const kind = /** @type {import("@branchcache/retrieval").MessageKind<unknown>} */ (kinds[read.kind]);
  let bytes;
  try {
    bytes = encodeMessage(kind, read.cipher, read.body);
  } catch (error) {
    return `${refusal(error, /^BC_ENCODE/)} to be sent: ${read.kind}`;
  }
  mustEqual(parse(bytes), read, "written and read again");
  return read.kind;
}

/** @type {Target} */
const request = {
  name: "retrieval-request",
  seeds: () =>
    ["version-request", "get-block-list", "get-blocks", "get-segment-list"].flatMap((structure) =>
      vectorsOf("pccrr", structure),
    ),
  repair: (bytes) => withNumber(bytes, 8, bytes.length),
  async open() {
    const kinds = { nego: negoRequest, getBlockList, getBlocks, getSegmentList };
    return {
      run(bytes) {
        try {
          return again(parseRequest(bytes), parseRequest, kinds);
        } catch (error) {
          return refusal(error, DECODE);
        }
      },
    };
  },
};

/** @type {Target} */
const response = {
  name: "retrieval-response",
  seeds: () =>
    ["version-response", "block-list", "block", "segment-list"].flatMap((structure) =>
      vectorsOf("pccrr", structure),
    ),
  repair: (bytes) => withNumber(withNumber(bytes, 0, bytes.length - 4), 12, bytes.length - 4),
  async open() {
    const kinds = { nego: negoResponse, blockList, block, segmentList };
    return {
      run(bytes) {
        try {
          return again(parseResponse(bytes), parseResponse, kinds);
        } catch (error) {
          return refusal(error, DECODE);
        }
      },
    };
  },
};

/** Hundredths of a second are what is written: other units lose less than that. */
const STEP_MS = 10;
const OLDEST_MS = (2 ** 24 - 1) * STEP_MS;

/** @type {Target} */
const segmentAges = {
  name: "segment-ages",
  seeds: () => vectorsOf("pccrr", "segment-ages"),
  async open() {
    return {
      run(bytes) {
        const ages = decodeSegmentAges(bytes);
        if (!ages) return "refused";
        const read = decodeSegmentAges(encodeSegmentAges(ages)) ?? [];
        mustEqual(read.length, ages.length, "number of ages");
        for (const [i, { ageMs, segmentIndex }] of ages.entries()) {
          const other = read[i];
          const wanted = Math.min(ageMs, OLDEST_MS);
          if (other?.segmentIndex !== segmentIndex || Math.abs(other.ageMs - wanted) > STEP_MS / 2) {
            throw new Error(`age ${i} of ${ageMs} ms came out as ${other?.ageMs}`);
          }
        }
        return "ages";
      },
    };
  },
};

export const targets = [request, response, segmentAges];
