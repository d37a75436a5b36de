/** MSG_GETBLKS and MSG_BLK. [MS-PCCRR] 3.2.5.3 */
import { equalBytes, toHex } from "@branchcache/runtime";
import { finding, skipped } from "../../kit/check.ts";
import { blockFinding, type ServerCheck } from "./asking.ts";
import { getBlocks } from "./messages.ts";
import { contentFault } from "./opening.ts";
import { heldSegment, unknownId } from "./target.ts";

export const blockChecks: readonly ServerCheck[] = [
  {
    id: "block",
    requirements: ["PCCRR-3", "PCCRR-8", "PCCRR-11", "PCCRR-118", "PCCRR-120", "PCCRR-126"],
    level: "MUST",
    title: "gives a block that decrypts to what its hash says",
    async run(target) {
      const segment = heldSegment(target);
      const sent = getBlocks(segment.id, [{ index: segment.firstBlockIndex, count: 1 }]);
      return blockFinding(
        target,
        sent,
        "MSG_BLK with that block",
        (block, cipher) => contentFault(segment, block, cipher) ?? true,
      );
    },
  },
  {
    id: "every-block",
    requirements: ["PCCRR-120", "PCCRR-122", "PCCRR-144"],
    level: "MUST",
    title: "gives every block of a segment it holds, each with the right bytes",
    async run(target) {
      const segment = heldSegment(target);
      for (const offset of segment.blockHashes.keys()) {
        const index = segment.firstBlockIndex + offset;
        const sent = getBlocks(segment.id, [{ index, count: 1 }]);
        const found = await blockFinding(target, sent, `block ${index}`, (block, cipher) => {
          return block.blockIndex === index && (contentFault(segment, block, cipher) ?? true);
        });
        if (found.outcome !== "pass") return found;
      }
      return finding(true, `${segment.blockHashes.length} blocks`, "all of them", "all of them");
    },
  },
  {
    id: "block-echoes-request",
    requirements: ["PCCRR-121"],
    level: "MUST",
    title: "names the segment and the block of the request in MSG_BLK",
    async run(target) {
      const segment = heldSegment(target);
      const index = segment.firstBlockIndex + segment.blockHashes.length - 1;
      return blockFinding(
        target,
        getBlocks(segment.id, [{ index, count: 1 }]),
        `segment ${toHex(segment.id)}, block ${index}`,
        (block) => equalBytes(block.segmentId, segment.id) && block.blockIndex === index,
      );
    },
  },
  {
    id: "missing-block",
    requirements: ["PCCRR-55", "PCCRR-120", "PCCRR-121"],
    level: "MUST",
    title: "answers for a block it lacks with an empty MSG_BLK that names segment and block",
    async run(target) {
      const id = unknownId(target);
      return blockFinding(
        target,
        getBlocks(id, [{ index: 3, count: 1 }]),
        "MSG_BLK, SizeOfBlock 0, the segment and block 3",
        (block) => block.data.length === 0 && block.blockIndex === 3 && equalBytes(block.segmentId, id),
      );
    },
  },
  {
    id: "lowest-of-several",
    requirements: ["PCCRR-119"],
    level: "SHOULD",
    title: "gives the lowest of several blocks asked for",
    async run(target) {
      const segment = heldSegment(target);
      if (segment.blockHashes.length < 2) return skipped("no segment of two blocks or more");
      const first = segment.firstBlockIndex;
      return blockFinding(
        target,
        getBlocks(segment.id, [
          { index: first + 1, count: 1 },
          { index: first, count: 1 },
        ]),
        `block ${first}`,
        (block, cipher) => block.blockIndex === first && (contentFault(segment, block, cipher) ?? true),
      );
    },
  },
  {
    id: "empty-block-range",
    requirements: ["PCCRR-38"],
    level: "SHOULD",
    title: "answers a GETBLKS for an empty range with an empty MSG_BLK",
    run: (target) =>
      blockFinding(
        target,
        getBlocks(heldSegment(target).id, [{ index: 0, count: 0 }]),
        "MSG_BLK with SizeOfBlock 0",
        (block) => block.data.length === 0,
      ),
  },
  {
    id: "next-block-index",
    requirements: ["PCCRR-54"],
    level: "MUST",
    title: "names the next block it holds in NextBlockIndex, and 0 after the last",
    async run(target) {
      const segment = heldSegment(target);
      const count = segment.blockHashes.length;
      const first = segment.firstBlockIndex;
      if (first !== 0) return skipped("the Content Information does not begin with block 0 of the segment");
      for (const index of new Set([0, count - 1])) {
        const next = index + 1 < count ? index + 1 : 0;
        const sent = getBlocks(segment.id, [{ index, count: 1 }]);
        const found = await blockFinding(
          target,
          sent,
          `NextBlockIndex ${next}`,
          ({ nextBlockIndex }) => nextBlockIndex === next,
        );
        if (found.outcome !== "pass") return found;
      }
      return finding(true, "the first and the last block", "the next, and 0", "the next, and 0");
    },
  },
  {
    id: "verification-data-ignored",
    requirements: ["PCCRR-43"],
    level: "MUST",
    title: "skips DataForVrfBlock",
    async run(target) {
      const segment = heldSegment(target);
      const sent = getBlocks(segment.id, [{ index: segment.firstBlockIndex, count: 1 }], {
        verification: target.random.bytes(13),
      });
      return blockFinding(
        target,
        sent,
        "the block",
        (block, cipher) => contentFault(segment, block, cipher) ?? true,
      );
    },
  },
];
