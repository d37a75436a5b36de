/** How a block is encrypted. [MS-PCCRR] 2.2.5.3, 3.2.5.3 */
import { finding } from "../../kit/check.ts";
import { blockFinding, firstBlock, type ServerCheck } from "./asking.ts";
import { getBlocks } from "./messages.ts";
import { blockLength, holdsContent, openBlock } from "./opening.ts";
import { heldSegment } from "./target.ts";

export const encryptionChecks: readonly ServerCheck[] = [
  {
    id: "iv-and-length",
    requirements: ["PCCRR-57", "PCCRR-122", "PCCRR-123"],
    level: "MUST",
    title: "sends an IV of 16 bytes and whole cipher blocks with AES",
    async run(target) {
      const segment = heldSegment(target);
      const index = firstBlock(segment);
      return blockFinding(
        target,
        getBlocks(segment.id, [{ index, count: 1 }]),
        "an IV of 16 bytes, ciphertext in whole blocks of 16 and no shorter than the content",
        (block, cipher) =>
          cipher === 0 ||
          (block.iv.length === 16 &&
            block.data.length % 16 === 0 &&
            block.data.length >= blockLength(segment, index)),
      );
    },
  },
  {
    id: "encrypts",
    requirements: ["PCCRR-124"],
    level: "SHOULD",
    title: "encrypts what it gives",
    async run(target) {
      const segment = heldSegment(target);
      return blockFinding(
        target,
        getBlocks(segment.id, [{ index: firstBlock(segment), count: 1 }]),
        "CryptoAlgoId 1, 2 or 3",
        (_, cipher) => cipher !== 0,
      );
    },
  },
  {
    id: "pkcs7",
    requirements: ["PCCRR-125"],
    level: "SHOULD",
    title: "pads a block with PKCS#7 before it encrypts",
    async run(target) {
      const segment = heldSegment(target);
      const index = firstBlock(segment);
      const length = blockLength(segment, index);
      const padding = 16 - (length % 16);
      return blockFinding(
        target,
        getBlocks(segment.id, [{ index, count: 1 }]),
        `${padding} bytes of padding, each ${padding}`,
        (block, cipher) => {
          if (cipher === 0) return true;
          const tail = openBlock(block, cipher, segment.secret)?.subarray(length);
          return tail?.length === padding && tail.every((byte) => byte === padding);
        },
      );
    },
  },
  {
    id: "preferred-cipher-is-a-wish",
    requirements: ["PCCRR-23", "PCCRR-25"],
    level: "MUST",
    title: "gives a block that opens by the cipher it names, whichever the request preferred",
    async run(target) {
      const segment = heldSegment(target);
      for (const cipher of [0, 1, 2, 3]) {
        const sent = getBlocks(segment.id, [{ index: firstBlock(segment), count: 1 }], {
          header: { cipher },
        });
        const found = await blockFinding(target, sent, "the block", (block, named) =>
          holdsContent(segment, block, named),
        );
        if (found.outcome !== "pass") return found;
      }
      return finding(true, "preferences 0 to 3", "the block each time", "the block each time");
    },
  },
];
