/** Messages that have to be dropped. [MS-PCCRR] 3.2.5.5 */
import { u32 } from "../../kit/integers.ts";
import { discarded, type ServerCheck } from "./asking.ts";
import { getBlockList, getBlocks, getSegmentList, message, segmentId } from "./messages.ts";
import { heldSegment } from "./target.ts";

export const malformedChecks: readonly ServerCheck[] = [
  discarded(
    {
      id: "truncated",
      requirements: ["PCCRR-128", "PCCRR-129", "PCCRR-130"],
      level: "MUST",
      title: "drops a message that ends early",
    },
    (target) => getBlocks(heldSegment(target).id, [{ index: 0, count: 1 }]).subarray(0, 40),
  ),
  discarded(
    {
      id: "empty-body",
      requirements: ["PCCRR-15", "PCCRR-128"],
      level: "MUST",
      title: "drops a request of less than a header",
    },
    () => new Uint8Array(8),
  ),
  discarded(
    {
      id: "size-too-large",
      requirements: ["PCCRR-18", "PCCRR-130"],
      level: "MUST",
      title: "drops a message whose MsgSize is more than its bytes",
    },
    (target) => getBlocks(heldSegment(target).id, [{ index: 0, count: 1 }], { header: { sizeError: 4 } }),
  ),
  discarded(
    {
      id: "size-too-small",
      requirements: ["PCCRR-130"],
      level: "MUST",
      title: "drops a message whose MsgSize is less than its bytes",
    },
    (target) => getBlocks(heldSegment(target).id, [{ index: 0, count: 1 }], { header: { sizeError: -4 } }),
  ),
  discarded(
    {
      id: "trailing-bytes",
      requirements: ["PCCRR-5", "PCCRR-130"],
      level: "MUST",
      title: "drops a message with bytes after its body",
    },
    (target) => {
      const id = heldSegment(target).id;
      const body = getBlockList(id, [{ index: 0, count: 1 }]).subarray(16);
      const longer = new Uint8Array(body.length + 4);
      longer.set(body);
      return message(2, longer);
    },
  ),
  discarded(
    {
      id: "unknown-type",
      requirements: ["PCCRR-21", "PCCRR-128"],
      level: "MUST",
      title: "drops a message of an unknown type",
    },
    () => message(8, new Uint8Array(8)),
  ),
  discarded(
    {
      id: "response-as-request",
      requirements: ["PCCRR-22", "PCCRR-128"],
      level: "MUST",
      title: "drops a response that comes as a request",
    },
    (target) => {
      const body = getBlockList(heldSegment(target).id, [{ index: 0, count: 1 }]).subarray(16);
      return message(4, body);
    },
  ),
  discarded(
    {
      id: "unknown-cipher",
      requirements: ["PCCRR-23", "PCCRR-128"],
      level: "MUST",
      title: "drops a message with a CryptoAlgoId that does not exist",
    },
    (target) => getBlocks(heldSegment(target).id, [{ index: 0, count: 1 }], { header: { cipher: 9 } }),
  ),
  discarded(
    {
      id: "count-overruns",
      requirements: ["PCCRR-130", "PCCRR-134"],
      level: "MUST",
      title: "drops a message whose count of ranges is more than its bytes",
    },
    (target) => getBlockList(heldSegment(target).id, [{ index: 0, count: 1 }], 0xffff_ffff),
  ),
  discarded(
    {
      id: "identifier-overruns",
      requirements: ["PCCRR-130", "PCCRR-134"],
      level: "MUST",
      title: "drops a message whose identifier is longer than its bytes",
    },
    () => message(2, u32(0xffff_fff0)),
  ),
  discarded(
    {
      id: "range-outside-segment",
      requirements: ["PCCRR-26"],
      level: "MUST",
      title: "drops a range that leaves the segment",
    },
    (target) => getBlockList(heldSegment(target).id, [{ index: 511, count: 2 }]),
  ),
  discarded(
    {
      id: "no-identifiers",
      requirements: ["PCCRR-131"],
      level: "MUST",
      title: "drops a GETSEGLIST without identifiers",
    },
    (target) => getSegmentList(target.random, []).bytes,
  ),
  discarded(
    {
      id: "wrong-count-of-identifiers",
      requirements: ["PCCRR-46", "PCCRR-131"],
      level: "MUST",
      title: "drops a GETSEGLIST with a wrong CountOfSegmentIDs",
    },
    (target) => getSegmentList(target.random, [heldSegment(target).id], { count: 3 }).bytes,
  ),
  discarded(
    {
      id: "oversized",
      requirements: ["PCCRR-15"],
      level: "MUST",
      title: "drops a request of more than 98,304 bytes",
    },
    (target) =>
      message(3, new Uint8Array([...segmentId(heldSegment(target).id), ...new Uint8Array(100_000)])),
  ),
];
