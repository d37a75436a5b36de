/** How a block is encrypted, and how one is padded that is not. [MS-PCCRR] 2.2.5.3, 3.2.5.3 */
import { finding, skipped } from "../../kit/check.ts";
import { hexText, seenText } from "../../kit/http.ts";
import { blockFinding, type ServerCheck } from "./asking.ts";
import { getBlocks } from "./messages.ts";
import { blockLength, contentFault, openBlock } from "./opening.ts";
import { ask, heldSegment, readAnswer } from "./target.ts";

/** MSG_BLK with its Size, as far as the segment identifier. */
const ID_AT = 4 + 16 + 4;

const padBytes = (lengthBytes: number): number => (4 - (lengthBytes % 4)) % 4;

/** What stands between the block of so many bytes and SizeOfVrfBlock; counted here, not by the decoder. */
function blockPadding(answer: Uint8Array, idBytes: number, dataBytes: number): Uint8Array {
  const start = ID_AT + idBytes + padBytes(idBytes) + 12 + dataBytes;
  return answer.subarray(start, start + padBytes(dataBytes));
}

export const encryptionChecks: readonly ServerCheck[] = [
  {
    id: "iv-and-length",
    requirements: ["PCCRR-57", "PCCRR-122", "PCCRR-123"],
    level: "MUST",
    title: "sends an IV of 16 bytes and whole cipher blocks with AES",
    async run(target) {
      const segment = heldSegment(target);
      const index = segment.firstBlockIndex;
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
        getBlocks(segment.id, [{ index: segment.firstBlockIndex, count: 1 }]),
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
      const index = segment.firstBlockIndex;
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
        const sent = getBlocks(segment.id, [{ index: segment.firstBlockIndex, count: 1 }], {
          header: { cipher },
        });
        const found = await blockFinding(
          target,
          sent,
          "the block",
          (block, named) => contentFault(segment, block, named) ?? true,
        );
        if (found.outcome !== "pass") return found;
      }
      return finding(true, "preferences 0 to 3", "the block each time", "the block each time");
    },
  },
  {
    id: "unencrypted-padding",
    requirements: ["PCCRR-35"],
    level: "MUST",
    title: "fills up a block that it sends unencrypted with zeros to a multiple of 4 bytes",
    async run(target) {
      const segment = heldSegment(target);
      const last = segment.firstBlockIndex + segment.blockHashes.length - 1;
      const length = blockLength(segment, last);
      if (length % 4 === 0) return skipped("the last block of the content is of a multiple of 4 bytes");
      const sent = getBlocks(segment.id, [{ index: last, count: 1 }], { header: { cipher: 0 } });
      const seen = await ask(target, sent);
      const read = readAnswer(seen);
      if (read.ok && read.message.cipher !== 0)
        return skipped("the target encrypts though CryptoAlgoId 0 is preferred");
      const expected = `${length} bytes of the block, ${padBytes(length)} zeros`;
      if (!read.ok || read.message.kind !== "block")
        return finding(false, hexText(sent), read.ok ? seenText(seen) : read.reason, expected);
      const { data } = read.message.body;
      const padding = blockPadding(read.bytes, segment.id.length, data.length);
      return finding(
        data.length === length && padding.every((byte) => byte === 0),
        hexText(sent),
        `${data.length} bytes of the block, padding ${hexText(padding)}`,
        expected,
      );
    },
  },
];
