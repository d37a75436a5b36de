/** MSG_GETBLKLIST and MSG_BLKLIST. [MS-PCCRR] 3.2.5.2 */
import { equalBytes } from "@branchcache/runtime";
import { finding } from "../../kit/check.ts";
import { hexText, seenText } from "../../kit/http.ts";
import { ALL_BLOCKS, blockListFinding, type ServerCheck } from "./asking.ts";
import { getBlockList } from "./messages.ts";
import { ask, heldSegment, unknownId } from "./target.ts";

export const blockListChecks: readonly ServerCheck[] = [
  {
    id: "block-list",
    requirements: ["PCCRR-117"],
    level: "MUST",
    title: "lists the blocks that were asked for and are held",
    async run(target) {
      const segment = heldSegment(target);
      const first = segment.firstBlockIndex;
      const last = first + segment.blockHashes.length - 1;
      const sent = getBlockList(segment.id, [ALL_BLOCKS]);
      return blockListFinding(
        target,
        sent,
        `blocks ${first} to ${last} of that segment`,
        ({ ranges, segmentId: id }) => {
          const held = (index: number) =>
            ranges.some((range) => index >= range.index && index < range.index + range.count);
          return equalBytes(id, segment.id) && segment.blockHashes.every((_, i) => held(first + i));
        },
      );
    },
  },
  {
    id: "block-list-intersection",
    requirements: ["PCCRR-53", "PCCRR-54", "PCCRR-117"],
    level: "MUST",
    title: "lists no block that was not asked for",
    async run(target) {
      const segment = heldSegment(target);
      const index = segment.firstBlockIndex;
      const more = segment.blockHashes.length > 1;
      return blockListFinding(
        target,
        getBlockList(segment.id, [{ index, count: 1 }]),
        `block ${index} alone, NextBlockIndex ${more ? index + 1 : 0}`,
        ({ ranges, nextBlockIndex }) =>
          ranges.length === 1 &&
          ranges[0]?.index === index &&
          ranges[0].count === 1 &&
          (index !== 0 || nextBlockIndex === (more ? 1 : 0)),
      );
    },
  },
  {
    id: "block-list-of-nothing",
    requirements: ["PCCRR-52", "PCCRR-117"],
    level: "MUST",
    title: "answers for a segment it lacks with no ranges, and names the segment",
    async run(target) {
      const id = unknownId(target);
      return blockListFinding(
        target,
        getBlockList(id, [{ index: 0, count: 4 }]),
        "MSG_BLKLIST with BlockRangeCount 0 and NextBlockIndex 0",
        ({ ranges, segmentId: named, nextBlockIndex }) =>
          ranges.length === 0 && equalBytes(named, id) && nextBlockIndex === 0,
      );
    },
  },
  {
    id: "disordered-ranges",
    requirements: ["PCCRR-39"],
    level: "MUST",
    title: "takes ranges that overlap and come in any order",
    async run(target) {
      const segment = heldSegment(target);
      const index = segment.firstBlockIndex;
      const sent = getBlockList(segment.id, [
        { index: 500, count: 12 },
        { index, count: 2 },
        { index, count: 1 },
      ]);
      return blockListFinding(target, sent, `block ${index} among others`, ({ ranges }) =>
        ranges.some((range) => range.index <= index && index < range.index + range.count),
      );
    },
  },
  {
    id: "range-limit",
    requirements: ["PCCRR-37"],
    level: "MUST",
    title: "takes 256 ranges",
    async run(target) {
      const segment = heldSegment(target);
      const index = segment.firstBlockIndex;
      const many = Array.from({ length: 256 }, (_, i) => ({ index: i === 0 ? index : 2 * i, count: 1 }));
      return blockListFinding(
        target,
        getBlockList(segment.id, many),
        "MSG_BLKLIST",
        ({ ranges }) => ranges.length > 0,
      );
    },
  },
  {
    id: "empty-request",
    requirements: ["PCCRR-38"],
    level: "SHOULD",
    title: "answers a GETBLKLIST without ranges with an empty list",
    run: (target) =>
      blockListFinding(
        target,
        getBlockList(heldSegment(target).id, []),
        "MSG_BLKLIST with BlockRangeCount 0",
        ({ ranges }) => ranges.length === 0,
      ),
  },
  {
    id: "long-segment-ids",
    requirements: ["PCCRR-32"],
    level: "SHOULD",
    title: "answers for identifiers of 48 and 64 bytes",
    async run(target) {
      for (const length of [48, 64]) {
        const found = await blockListFinding(
          target,
          getBlockList(unknownId(target, length), [{ index: 0, count: 1 }]),
          "MSG_BLKLIST",
          ({ segmentId: id }) => id.length === length,
        );
        if (found.outcome !== "pass") return found;
      }
      return finding(true, "", "", "MSG_BLKLIST for both");
    },
  },
  {
    id: "stateless",
    requirements: ["PCCRR-7"],
    level: "MUST",
    title: "gives the same answer when asked again",
    async run(target) {
      const segment = heldSegment(target);
      const sent = getBlockList(segment.id, [ALL_BLOCKS]);
      const first = await ask(target, sent);
      const again = await ask(target, sent);
      const same = first.kind === "answer" && again.kind === "answer" && equalBytes(first.body, again.body);
      return finding(
        same,
        hexText(sent),
        `${seenText(first)}; then ${seenText(again)}`,
        "the same list twice",
      );
    },
  },
];
