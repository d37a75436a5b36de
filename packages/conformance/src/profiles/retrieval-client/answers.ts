/** What a client makes of answers that are wrong, or unusual. [MS-PCCRR] 3.1.5 */
import { SIZE_PREFIX_BYTES } from "@branchcache/retrieval";
import type { AnswerChange, MessageFault } from "@branchcache/retrieval/testing";
import { finding } from "../../kit/check.ts";
import { askedBlock, blockRequests, type PeerScript } from "../../stage/peer.ts";
import { type ClientCheck, whatCame, wrongContent } from "../../stage/target.ts";
import {
  faultCheck,
  isFirstBlock,
  judge,
  MANY_BLOCKS_BYTES,
  onEveryBlock,
  onFirstBlock,
  type Verdict,
} from "./scenes.ts";

interface Row extends Verdict {
  readonly id: string;
  readonly requirements: readonly string[];
  readonly fault: MessageFault;
  readonly title: string;
  readonly what: string;
}

const MALFORMED: readonly Row[] = [
  {
    id: "wrong-bytes",
    requirements: ["PCCRR-100", "PCCRR-140"],
    fault: "wrong-bytes",
    title: "delivers no byte of a block that fails its hash, and gives its sender up",
    what: "MSG_BLK with one bit of the block changed",
    refused: true,
    givenUp: true,
  },
  {
    id: "wrong-segment",
    requirements: ["PCCRR-95"],
    fault: "wrong-segment",
    title: "takes no block that names another segment",
    what: "MSG_BLK with another segment identifier",
    refused: true,
  },
  {
    id: "wrong-index",
    requirements: ["PCCRR-95"],
    fault: "wrong-index",
    title: "takes no block that names another index",
    what: "MSG_BLK with another BlockIndex",
    refused: true,
  },
  {
    id: "wrong-size",
    requirements: ["PCCRR-17"],
    fault: "wrong-size",
    title: "refuses an answer whose Size is not MsgSize",
    what: "MSG_BLK with a wrong Size",
    refused: true,
  },
  {
    id: "wrong-message-size",
    requirements: ["PCCRR-17", "PCCRR-18"],
    fault: "wrong-message-size",
    title: "refuses an answer whose MsgSize is not its length",
    what: "MSG_BLK with a wrong MsgSize",
    refused: true,
  },
  {
    id: "junk-behind-message",
    requirements: ["PCCRR-5", "PCCRR-17"],
    fault: "trailing",
    title: "refuses an answer with bytes behind the message",
    what: "MSG_BLK, and four bytes more",
    refused: true,
  },
  {
    id: "truncated",
    requirements: ["PCCRR-104"],
    fault: "truncated",
    title: "refuses a message that ends early",
    what: "MSG_BLK without its last byte",
    refused: true,
  },
  {
    id: "unknown-type",
    requirements: ["PCCRR-21", "PCCRR-104"],
    fault: "unknown-type",
    title: "drops a message of unknown type",
    what: "type 99",
    refused: true,
  },
  {
    id: "request-as-answer",
    requirements: ["PCCRR-22", "PCCRR-104"],
    fault: "request-type",
    title: "drops a request that comes as an answer",
    what: "type 3 as a response",
    refused: true,
  },
  {
    id: "unknown-cipher",
    requirements: ["PCCRR-23", "PCCRR-104"],
    fault: "unknown-cipher",
    title: "refuses a block in a cipher that does not exist",
    what: "MSG_BLK with CryptoAlgoId 4",
    refused: true,
  },
  {
    id: "size-beyond-message",
    requirements: ["PCCRR-134"],
    fault: "count-overrun",
    title: "survives a size that reaches far beyond the message",
    what: "MSG_BLK with a size of 0xFFFFFFFF inside",
    refused: true,
  },
  {
    id: "odd-ciphertext",
    requirements: ["PCCRR-99"],
    fault: "odd-block",
    title: "refuses ciphertext that is no multiple of 16 bytes",
    what: "MSG_BLK one byte short of whole cipher blocks",
    refused: true,
  },
  {
    id: "short-ciphertext",
    requirements: ["PCCRR-99"],
    fault: "short-block",
    title: "refuses ciphertext shorter than the block",
    what: "MSG_BLK 32 bytes short",
    refused: true,
  },
  {
    id: "short-iv",
    requirements: ["PCCRR-99"],
    fault: "short-iv",
    title: "refuses an IV that is not 16 bytes long",
    what: "MSG_BLK with an IV of 8 bytes",
    refused: true,
  },
  {
    id: "ciphertext-called-plain",
    requirements: ["PCCRR-96", "PCCRR-100"],
    fault: "no-cipher",
    title: "does not take ciphertext for the block where the answer says that it is not encrypted",
    what: "MSG_BLK with CryptoAlgoId 0 and ciphertext",
    refused: true,
  },
  {
    id: "empty-block",
    requirements: ["PCCRR-98"],
    fault: "empty-block",
    title: "takes an empty block for one that is not there",
    what: "MSG_BLK with SizeOfBlock 0 for a block that was announced",
    refused: true,
  },
];

/** Fills the padding of a plaintext block with FF in place of zeros. */
const dirtyPads: AnswerChange = (honest) => {
  const changed = honest.slice();
  const view = new DataView(changed.buffer);
  // Header, then SegmentId, BlockIndex, NextBlockIndex, SizeOfBlock.
  const idBytes = view.getUint32(SIZE_PREFIX_BYTES + 16);
  const blockAt = SIZE_PREFIX_BYTES + 16 + 4 + idBytes + 12;
  const blockBytes = view.getUint32(blockAt - 4);
  const padBytes = (4 - (blockBytes % 4)) % 4;
  changed.fill(0xff, blockAt + blockBytes, blockAt + blockBytes + padBytes);
  return changed;
};

const ciphers = [
  { cipher: 2, name: "AES-192", id: "aes-192" },
  { cipher: 3, name: "AES-256", id: "aes-256" },
] as const;

export const answerChecks: readonly ClientCheck[] = [
  ...MALFORMED.map(({ fault, what, title, id, requirements, ...verdict }) =>
    faultCheck(
      { id, requirements, level: "MUST", title },
      { what, scene: { peers: [onFirstBlock(fault)] }, ...verdict },
    ),
  ),
  // The block is right, and its ciphertext has one cipher block more than PKCS#7 needs.
  faultCheck(
    {
      id: "padding-of-others",
      requirements: ["PCCRR-97"],
      level: "SHOULD",
      title: "takes a block whatever follows it inside the ciphertext",
    },
    {
      what: "MSG_BLK with one cipher block more than PKCS#7 has",
      scene: { peers: [onFirstBlock("wrong-padding")] },
      taken: true,
    },
  ),
  ...ciphers.map(
    ({ cipher, name, id }): ClientCheck => ({
      id: `answer-in-${id}`,
      requirements: ["PCCRR-97"],
      level: "MUST",
      title: `opens a block in ${name}, though it asked for another cipher`,
      run: async ({ stage }) =>
        judge(await stage.play({ peers: [{ cipher }] }), `blocks in ${name}`, { taken: true }),
    }),
  ),
  {
    id: "plaintext-block",
    requirements: ["PCCRR-96"],
    level: "SHOULD",
    title: "takes a block that is not encrypted, and says so",
    run: async ({ stage }) =>
      judge(await stage.play({ peers: [{ cipher: 0 }] }), "blocks with CryptoAlgoId 0", { taken: true }),
  },
  {
    id: "non-zero-pads",
    requirements: ["PCCRR-36"],
    level: "SHOULD",
    title: "does not look at what pads a block",
    async run({ stage }) {
      const peer: PeerScript = {
        cipher: 0,
        fault: (request) => (isFirstBlock(request) ? dirtyPads : undefined),
      };
      const scene = { lengthBytes: ODD_BYTES, peers: [peer] };
      return judge(await stage.play(scene), "an odd block with pads of FF", { taken: true });
    },
  },
  {
    id: "negotiation-resend",
    requirements: ["PCCRR-84", "PCCRR-88"],
    level: "MUST",
    title: "sends the request again after MSG_NEGO_RESP with a version that both know",
    negative: true,
    async run({ stage }) {
      const played = await stage.play({ peers: [onFirstBlock("nego")] });
      const asked = played.peers.flatMap((peer) => blockRequests(peer));
      const [first] = asked;
      if (!first) return inconclusive(whatCame(played));
      const again = asked.slice(1).filter((request) => askedBlock(request) === askedBlock(first)).length;
      return finding(
        played.right && again > 0,
        "MSG_NEGO_RESP 1.0 to 2.0 instead of a block",
        wrongContent(played) ?? `the request came ${again + 1} times`,
        "the same request once more",
      );
    },
  },
  {
    id: "negotiation-loop",
    requirements: ["PCCRR-85"],
    level: "MUST",
    title: "sends a request again once at most, however often MSG_NEGO_RESP comes",
    negative: true,
    async run({ stage }) {
      const played = await stage.play({ peers: [onEveryBlock("nego")] });
      const asked = played.peers.flatMap((peer) => blockRequests(peer)).map(askedBlock);
      if (asked.length === 0) return inconclusive(whatCame(played));
      const most = Math.max(...asked.map((key) => asked.filter((other) => other === key).length));
      return finding(
        played.right && most <= 2,
        "MSG_NEGO_RESP 1.0 to 2.0 to every block request",
        wrongContent(played) ?? `one request came ${most} times`,
        "each request twice at most, and the right content",
      );
    },
  },
  faultCheck(
    {
      id: "negotiation-impossible",
      requirements: ["PCCRR-87"],
      level: "MUST",
      title: "asks a peer no more that has no version in common",
    },
    {
      what: "MSG_NEGO_RESP 7.0 to 9.0",
      scene: { peers: [onFirstBlock("nego-incompatible")] },
      refused: true,
      givenUp: true,
    },
  ),
  {
    id: "liar-beside-honest-peer",
    requirements: ["PCCRR-100", "PCCRR-140"],
    level: "MUST",
    title: "asks a peer no more that sent wrong bytes, and takes its blocks from another",
    negative: true,
    async run({ stage }) {
      const peers = [onEveryBlock("wrong-bytes"), {}];
      const played = await stage.play({ lengthBytes: MANY_BLOCKS_BYTES, peers });
      return judge(played, "two peers, one of which sends wrong bytes only", {
        refused: true,
        givenUp: true,
      });
    },
  },
];

function inconclusive(received: string) {
  return { outcome: "inconclusive", sent: "", received, expected: "a block request" } as const;
}

/** One block, of an odd length. */
const ODD_BYTES = 1_001;
