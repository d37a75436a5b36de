/** MSG_GETSEGLIST and MSG_SEGLIST. [MS-PCCRR] 3.2.5.4 */
import type { SegmentList } from "@branchcache/retrieval";
import { equalBytes, toHex } from "@branchcache/runtime";
import { type Finding, finding, skipped } from "../../kit/check.ts";
import { type HttpSeen, hexText, seenText } from "../../kit/http.ts";
import type { ServerCheck } from "./asking.ts";
import { requestText, responseText } from "./message-text.ts";
import { getSegmentList } from "./messages.ts";
import { ask, heldSegment, type RetrievalServerTarget, readAnswer, unknownId } from "./target.ts";

export const segmentListChecks: readonly ServerCheck[] = [
  {
    id: "segment-list",
    requirements: ["PCCRR-31", "PCCRR-58", "PCCRR-60", "PCCRR-127"],
    level: "MUST",
    title: "lists the segments it holds by their places in the request",
    async run(target) {
      const segment = heldSegment(target);
      const { requestId, bytes } = getSegmentList(target.random, [
        unknownId(target),
        segment.id,
        unknownId(target),
      ]);
      return segmentListFinding(
        target,
        bytes,
        "MSG_SEGLIST, RequestID copied, range [1,1]",
        ({ ranges, requestId: copied }) =>
          equalBytes(copied, requestId) &&
          ranges.length === 1 &&
          ranges[0]?.index === 1 &&
          ranges[0].count === 1,
      );
    },
  },
  {
    id: "segment-list-of-nothing",
    requirements: ["PCCRR-33", "PCCRR-59", "PCCRR-127", "PCCRR-132"],
    level: "MUST",
    title:
      "answers with an empty list where it holds nothing, for any length of identifier, with a BLOB in the request",
    async run(target) {
      const ids = [unknownId(target), unknownId(target, 48), unknownId(target, 64)];
      const { bytes } = getSegmentList(target.random, ids, { blob: Uint8Array.of(0, 1, 3, 1, 0, 0, 0, 0) });
      return segmentListFinding(
        target,
        bytes,
        "MSG_SEGLIST without ranges",
        ({ ranges }) => ranges.length === 0,
      );
    },
  },
  {
    id: "segment-list-version",
    requirements: ["PCCRR-19", "PCCRR-20"],
    level: "MUST",
    title: "sends MSG_SEGLIST with version 2.0, minor word first",
    async run(target) {
      const { bytes } = getSegmentList(target.random, [unknownId(target)]);
      const seen = await ask(target, bytes);
      if (speaksFirstVersionOnly(seen)) return skipped(FIRST_VERSION_ONLY);
      const version = seen.kind === "answer" ? toHex(seen.body.subarray(4, 12)) : "";
      const expected = "0000000200000007";
      return finding(version === expected, hexText(bytes), seenText(seen), `${expected} after Size`);
    },
  },
  {
    id: "segment-ages",
    requirements: ["PCCRR-66", "PCCRR-67", "PCCRR-68"],
    level: "MUST",
    title: "sends with MSG_SEGLIST no extensible BLOB, or one that is well formed",
    async run(target) {
      const { bytes } = getSegmentList(target.random, [heldSegment(target).id]);
      return segmentListFinding(
        target,
        bytes,
        "a BLOB of version 1: unit 1 to 4, whole entries, or none",
        ({ blob }) => blob.length === 0 || isBlobVersion1(blob),
      );
    },
  },
];

const FIRST_VERSION_ONLY = "the server speaks version 1.0 alone, which has no MSG_GETSEGLIST";

function speaksFirstVersionOnly(seen: HttpSeen): boolean {
  const read = readAnswer(seen);
  return read.ok && read.message.kind === "nego" && read.message.body.max.major < 2;
}

async function segmentListFinding(
  target: RetrievalServerTarget,
  sent: Uint8Array,
  expected: string,
  good: (list: SegmentList) => boolean,
): Promise<Finding> {
  const seen = await ask(target, sent);
  if (speaksFirstVersionOnly(seen)) return skipped(FIRST_VERSION_ONLY);
  const read = readAnswer(seen);
  if (!read.ok) return finding(false, requestText(sent), read.reason, expected);
  const ok = read.message.kind === "segmentList" && good(read.message.body);
  return finding(ok, requestText(sent), responseText(read.message), expected);
}

/** [MS-PCCRR] 2.2.6.1.1 */
function isBlobVersion1(blob: Uint8Array): boolean {
  const [high, low, unit = 0, count = 0] = blob;
  return blob.length >= 4 + 4 * count && high === 0 && low === 1 && unit >= 1 && unit <= 4;
}
