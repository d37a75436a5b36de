/** What a retrieval server has to do, as it shows on the wire. [MS-PCCRR] 3.2 */
import { createDecipheriv, createHash } from "node:crypto";
import type { Segment } from "@branchcache/content-info";
import { type Block, RETRIEVAL_PATH } from "@branchcache/retrieval";
import { equalBytes, toHex } from "@branchcache/runtime";
import { type Check, type Finding, finding, skipped } from "../../kit/check.ts";
import type { HttpSeen } from "../../kit/http.ts";
import { getBlockList, getBlocks, getSegmentList, message, negoRequest, segmentId, u32 } from "./messages.ts";
import {
  ask,
  heldSegment,
  hexText,
  isDiscard,
  type RetrievalServerTarget,
  readAnswer,
  seenText,
  unknownId,
} from "./target.ts";

type ServerCheck = Check<RetrievalServerTarget>;

const KEY_BYTES = [0, 16, 24, 32] as const;
const CIPHERS = ["", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc"] as const;

/** Asks for one block, and reads the answer. */
async function fetchBlock(target: RetrievalServerTarget, id: Uint8Array, index: number) {
  const sent = getBlocks(id, [{ index, count: 1 }]);
  const seen = await ask(target, sent);
  return { sent, seen, read: readAnswer(seen) };
}

/** The plaintext of a block, by the first bytes of the secret; undefined if it does not open. 2.2.3 */
function open(block: Block, cipher: number, secret: Uint8Array): Uint8Array | undefined {
  if (cipher === 0) return block.data;
  const name = CIPHERS[cipher];
  if (name === undefined || name === "" || block.iv.length !== 16) return undefined;
  try {
    const decipher = createDecipheriv(name, secret.subarray(0, KEY_BYTES[cipher as 1 | 2 | 3]), block.iv);
    decipher.setAutoPadding(false);
    return new Uint8Array(Buffer.concat([decipher.update(block.data), decipher.final()]));
  } catch {
    return undefined;
  }
}

const HASHES = {
  sha256: "sha256",
  sha384: "sha384",
  sha512: "sha512",
  "sha512-truncated": "sha512",
} as const;

function hashOf(segment: Segment, bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(createHash(HASHES[segment.algorithm]).update(bytes).digest());
  return segment.algorithm === "sha512-truncated" ? digest.subarray(0, 32) : digest;
}

function blockLength(segment: Segment, index: number): number {
  return Math.min(segment.blockSizeBytes, segment.lengthBytes - index * segment.blockSizeBytes);
}

/** Whether a block of the segment is what its hash says. */
function holdsContent(segment: Segment, block: Block, cipher: number): boolean {
  const hash = segment.blockHashes[block.blockIndex - segment.firstBlockIndex];
  const length = blockLength(segment, block.blockIndex);
  const plain = open(block, cipher, segment.secret)?.subarray(0, length);
  return hash !== undefined && plain?.length === length && equalBytes(hashOf(segment, plain), hash);
}

/** A request that no server may answer with a message. */
function discarded(
  check: Omit<ServerCheck, "run" | "negative">,
  bytes: (target: RetrievalServerTarget) => Uint8Array,
): ServerCheck {
  return {
    ...check,
    negative: true,
    async run(target) {
      const sent = bytes(target);
      const seen = await ask(target, sent);
      return finding(
        isDiscard(seen),
        hexText(sent),
        seenText(seen),
        "an HTTP error, or the connection closed",
      );
    },
  };
}

/** A GETBLKLIST whose answer has to be a block list that `good` accepts. */
async function blockListFinding(
  target: RetrievalServerTarget,
  sent: Uint8Array,
  expected: string,
  good: (answer: {
    ranges: readonly { index: number; count: number }[];
    segmentId: Uint8Array;
    nextBlockIndex: number;
  }) => boolean,
): Promise<Finding> {
  const seen = await ask(target, sent);
  const read = readAnswer(seen);
  const ok = read.ok && read.message.kind === "blockList" && good(read.message.body);
  return finding(ok, hexText(sent), read.ok ? seenText(seen) : read.reason, expected);
}

async function blockFinding(
  target: RetrievalServerTarget,
  sent: Uint8Array,
  expected: string,
  good: (block: Block, cipher: number) => boolean,
): Promise<Finding> {
  const seen = await ask(target, sent);
  const read = readAnswer(seen);
  const ok = read.ok && read.message.kind === "block" && good(read.message.body, read.message.cipher);
  return finding(ok, hexText(sent), read.ok ? seenText(seen) : read.reason, expected);
}

const firstBlock = (segment: Segment) => segment.firstBlockIndex;
const all = { index: 0, count: 512 };

const httpStatus = (
  id: string,
  title: string,
  request: (target: RetrievalServerTarget) => Promise<HttpSeen>,
  sent: string,
  status: number,
): ServerCheck => ({
  id,
  requirements: ["PCCRR-133"],
  level: "SHOULD",
  title,
  negative: true,
  async run(target) {
    const seen = await request(target);
    return finding(seen.kind === "answer" && seen.status === status, sent, seenText(seen), `HTTP ${status}`);
  },
});

export const retrievalServerChecks: readonly ServerCheck[] = [
  {
    id: "block",
    requirements: ["PCCRR-3", "PCCRR-8", "PCCRR-11", "PCCRR-118", "PCCRR-120", "PCCRR-126"],
    level: "MUST",
    title: "gives a block that decrypts to what its hash says",
    async run(target) {
      const segment = heldSegment(target);
      const sent = getBlocks(segment.id, [{ index: firstBlock(segment), count: 1 }]);
      return blockFinding(target, sent, "MSG_BLK with that block", (block, cipher) =>
        holdsContent(segment, block, cipher),
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
        const { sent, seen, read } = await fetchBlock(target, segment.id, index);
        const good =
          read.ok &&
          read.message.kind === "block" &&
          holdsContent(segment, read.message.body, read.message.cipher);
        if (!good)
          return finding(false, hexText(sent), read.ok ? seenText(seen) : read.reason, `block ${index}`);
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
    requirements: ["PCCRR-120", "PCCRR-121"],
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
    id: "size-prefix",
    requirements: ["PCCRR-5", "PCCRR-6", "PCCRR-18"],
    level: "MUST",
    title: "puts Size before each response, equal to MsgSize and to the bytes that follow",
    async run(target) {
      const sent = getBlocks(unknownId(target), [{ index: 0, count: 1 }]);
      const seen = await ask(target, sent);
      if (seen.kind === "nothing" || seen.body.length < 16) {
        return finding(false, hexText(sent), seenText(seen), "a message");
      }
      const view = new DataView(seen.body.buffer, seen.body.byteOffset, seen.body.length);
      const good = view.getUint32(0) === seen.body.length - 4 && view.getUint32(12) === seen.body.length - 4;
      return finding(good, hexText(sent), seenText(seen), `Size and MsgSize ${seen.body.length - 4}`);
    },
  },
  {
    id: "version-by-type",
    requirements: ["PCCRR-14", "PCCRR-19", "PCCRR-20", "PCCRR-113"],
    level: "MUST",
    title: "sends MSG_BLK with version 1.0, minor word first, big-endian",
    async run(target) {
      const sent = getBlocks(unknownId(target), [{ index: 0, count: 1 }]);
      const seen = await ask(target, sent);
      const version = seen.kind === "answer" ? toHex(seen.body.subarray(4, 12)) : "";
      return finding(
        version === "0000000100000005",
        hexText(sent),
        seenText(seen),
        "0000000100000005 after Size",
      );
    },
  },
  {
    id: "iv-and-length",
    requirements: ["PCCRR-122", "PCCRR-123"],
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
          const tail = open(block, cipher, segment.secret)?.subarray(length);
          return tail?.length === padding && tail.every((byte) => byte === padding);
        },
      );
    },
  },
  {
    id: "next-block-index",
    requirements: ["PCCRR-55"],
    level: "MUST",
    title: "names the next block it holds in NextBlockIndex, and 0 after the last",
    async run(target) {
      const segment = heldSegment(target);
      const count = segment.blockHashes.length;
      const first = firstBlock(segment);
      if (first !== 0) return skipped("the Content Information does not begin with block 0 of the segment");
      for (const index of new Set([0, count - 1])) {
        const { sent, seen, read } = await fetchBlock(target, segment.id, index);
        const next = index + 1 < count ? index + 1 : 0;
        const good = read.ok && read.message.kind === "block" && read.message.body.nextBlockIndex === next;
        if (!good) {
          return finding(
            false,
            hexText(sent),
            read.ok ? seenText(seen) : read.reason,
            `NextBlockIndex ${next}`,
          );
        }
      }
      return finding(true, "", "", "NextBlockIndex of the first and the last block");
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
      const first = firstBlock(segment);
      return blockFinding(
        target,
        getBlocks(segment.id, [
          { index: first + 1, count: 1 },
          { index: first, count: 1 },
        ]),
        `block ${first}`,
        (block, cipher) => block.blockIndex === first && holdsContent(segment, block, cipher),
      );
    },
  },
  {
    id: "verification-data-ignored",
    requirements: ["PCCRR-43"],
    level: "MUST",
    title: "skips DataForVrfBlock",
    async run(target) {
      const segment = heldSegment(target);
      const sent = getBlocks(segment.id, [{ index: firstBlock(segment), count: 1 }], {
        verification: target.random.bytes(13),
      });
      return blockFinding(target, sent, "the block", (block, cipher) => holdsContent(segment, block, cipher));
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
  {
    id: "block-list",
    requirements: ["PCCRR-117"],
    level: "MUST",
    title: "lists the blocks that were asked for and are held",
    async run(target) {
      const segment = heldSegment(target);
      const first = firstBlock(segment);
      const last = first + segment.blockHashes.length - 1;
      const sent = getBlockList(segment.id, [all]);
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
    requirements: ["PCCRR-54", "PCCRR-117"],
    level: "MUST",
    title: "lists no block that was not asked for",
    async run(target) {
      const segment = heldSegment(target);
      const index = firstBlock(segment);
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
      const index = firstBlock(segment);
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
      const index = firstBlock(segment);
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
    id: "non-zero-padding",
    requirements: ["PCCRR-32", "PCCRR-36"],
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
    id: "negotiation",
    requirements: ["PCCRR-51", "PCCRR-111"],
    level: "MUST",
    title: "answers MSG_NEGO_REQ with its own range of versions",
    async run(target) {
      const sent = negoRequest([1, 0], [2, 0]);
      const seen = await ask(target, sent);
      const read = readAnswer(seen);
      const body = read.ok && read.message.kind === "nego" ? read.message.body : undefined;
      const good = body !== undefined && body.min.major <= body.max.major && body.min.major >= 1;
      return finding(
        good,
        hexText(sent),
        read.ok ? seenText(seen) : read.reason,
        "MSG_NEGO_RESP, lowest not above highest",
      );
    },
  },
  {
    id: "unsupported-version",
    requirements: ["PCCRR-112"],
    level: "MUST",
    title: "answers a request of a version it does not speak with MSG_NEGO_RESP",
    async run(target) {
      const sent = getBlocks(heldSegment(target).id, [{ index: 0, count: 1 }], { header: { major: 99 } });
      const seen = await ask(target, sent);
      const read = readAnswer(seen);
      const good = read.ok && read.message.kind === "nego";
      return finding(good, hexText(sent), read.ok ? seenText(seen) : read.reason, "MSG_NEGO_RESP");
    },
  },
  {
    id: "segment-list",
    requirements: ["PCCRR-31", "PCCRR-127"],
    level: "MUST",
    title: "lists the segments it holds by their places in the request",
    async run(target) {
      if (target.hostedCache !== true) return skipped("only a hosted cache is asked for segments");
      const segment = heldSegment(target);
      const { requestId, bytes } = getSegmentList(target.random, [
        unknownId(target),
        segment.id,
        unknownId(target),
      ]);
      const seen = await ask(target, bytes);
      const read = readAnswer(seen);
      const body = read.ok && read.message.kind === "segmentList" ? read.message.body : undefined;
      const good =
        body !== undefined &&
        equalBytes(body.requestId, requestId) &&
        body.ranges.length === 1 &&
        body.ranges[0]?.index === 1 &&
        body.ranges[0].count === 1;
      return finding(
        good,
        hexText(bytes),
        read.ok ? seenText(seen) : read.reason,
        "MSG_SEGLIST, RequestID copied, range [1,1]",
      );
    },
  },
  {
    id: "segment-list-of-nothing",
    requirements: ["PCCRR-33", "PCCRR-127", "PCCRR-132"],
    level: "MUST",
    title:
      "answers with an empty list where it holds nothing, for any length of identifier, with a BLOB in the request",
    async run(target) {
      if (target.hostedCache !== true) return skipped("only a hosted cache is asked for segments");
      const ids = [unknownId(target), unknownId(target, 48), unknownId(target, 64)];
      const { bytes } = getSegmentList(target.random, ids, { blob: Uint8Array.of(0, 1, 3, 1, 0, 0, 0, 0) });
      const seen = await ask(target, bytes);
      const read = readAnswer(seen);
      const good = read.ok && read.message.kind === "segmentList" && read.message.body.ranges.length === 0;
      return finding(
        good,
        hexText(bytes),
        read.ok ? seenText(seen) : read.reason,
        "MSG_SEGLIST without ranges",
      );
    },
  },
  {
    id: "stateless",
    requirements: ["PCCRR-7"],
    level: "MUST",
    title: "gives the same answer when asked again",
    async run(target) {
      const segment = heldSegment(target);
      const sent = getBlockList(segment.id, [all]);
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
  {
    id: "path-in-any-case",
    requirements: ["PCCRR-12"],
    level: "SHOULD",
    title: "takes the path without regard to letter case",
    async run(target) {
      const segment = heldSegment(target);
      const seen = await ask(target, getBlockList(segment.id, [all]), { path: RETRIEVAL_PATH.toLowerCase() });
      return finding(readAnswer(seen).ok, RETRIEVAL_PATH.toLowerCase(), seenText(seen), "MSG_BLKLIST");
    },
  },
  discarded(
    {
      id: "truncated",
      requirements: ["PCCRR-128", "PCCRR-130"],
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
  httpStatus(
    "other-path",
    "answers 404 for a path that is not its own",
    (target) => ask(target, new Uint8Array(16), { path: "/conformance-no-such-path" }),
    "POST /conformance-no-such-path",
    404,
  ),
  httpStatus(
    "other-method",
    "answers 405 for another method",
    (target) => ask(target, new Uint8Array(0), { method: "PUT" }),
    "PUT",
    405,
  ),
];
