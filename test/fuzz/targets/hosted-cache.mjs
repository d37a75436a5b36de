// @ts-check
/** [MS-PCHC] offers of both versions, and their answer. */
import {
  batchedOffer,
  encodeResponse,
  headerOf,
  initialOffer,
  parseOfferRequest,
  parseResponse,
  segmentInfo,
} from "@branchcache/hosted-cache";
import { encode } from "@branchcache/runtime";
import { mustEqual, refusal, vectorsOf } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

const DECODE = /^BC_DECODE_/;

/** @param {ReturnType<typeof parseOfferRequest>} read */
function encoded(read) {
  if (read.kind === "initialOffer") {
    return encode(initialOffer, { header: headerOf(1, 1, read.port), segmentId: read.segmentId });
  }
  if (read.kind === "batchedOffer") {
    return encode(batchedOffer, { header: headerOf(2, 3, read.port), segments: read.segments });
  }
  const { contentTag, information } = read;
  if (!contentTag || !information) return undefined;
  return encode(segmentInfo, { header: headerOf(1, 2, read.port), contentTag, information });
}

/**
 * @param {1 | 2} version
 * @param {readonly string[]} structures
 * @returns {Target}
 */
const offers = (version, structures) => ({
  name: `offer-${version}`,
  seeds: () => structures.flatMap((structure) => vectorsOf("pchc", structure)),
  async open() {
    return {
      run(bytes) {
        let read;
        try {
          read = parseOfferRequest(bytes, version);
        } catch (error) {
          return refusal(error, DECODE);
        }
        const written = encoded(read);
        if (written) mustEqual(parseOfferRequest(written, version), read, "written and read again");
        return written ? read.kind : "cut off";
      },
    };
  },
});

/** @type {Target} */
const answer = {
  name: "offer-response",
  seeds: () => vectorsOf("pchc", "response"),
  maxBytes: 64,
  async open() {
    return {
      run(bytes) {
        let read;
        try {
          read = parseResponse(bytes);
        } catch (error) {
          return refusal(error, DECODE);
        }
        mustEqual(encodeResponse(read), bytes.slice(), "written again");
        return read;
      },
    };
  },
};

export const targets = [offers(1, ["initial-offer", "segment-info"]), offers(2, ["batched-offer"]), answer];
