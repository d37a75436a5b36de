/** How requests look, with peers that are honest. [MS-PCCRR] 2.2 */
import { RETRIEVAL_PATH } from "@branchcache/retrieval";
import { toHex } from "@branchcache/runtime";
import { finding, skipped } from "../../kit/check.ts";
import { hexText } from "../../kit/http.ts";
import { u32At } from "../../kit/integers.ts";
import { blocksOf, CONTENT_VERSIONS, type ContentVersion, segmentById } from "../../stage/content.ts";
import { type BlockRequest, blockRequests, type PeerRequest } from "../../stage/peer.ts";
import type { Played } from "../../stage/stage.ts";
import {
  type ClientCheck,
  type ClientTarget,
  fromOrigin,
  whatCame,
  wrongContent,
} from "../../stage/target.ts";

interface Rule<R> {
  /** What the rule wants, for the report. */
  readonly expected: string;
  /** What is wrong with the request; undefined if nothing is. */
  broken(request: R, played: Played): string | undefined;
}

/** A rule for every request of the honest scenes that `pick` does not turn down with undefined. */
function everyRequest<R extends PeerRequest>(
  check: Omit<ClientCheck, "run">,
  pick: (request: PeerRequest) => R | undefined,
  rule: Rule<R>,
): ClientCheck {
  return {
    ...check,
    async run(target) {
      let looked = 0;
      for (const version of CONTENT_VERSIONS) {
        const played = await target.honest(version);
        for (const request of played.peers.flatMap((peer) => peer.requests)) {
          const picked = pick(request);
          if (picked === undefined) continue;
          looked++;
          const broken = rule.broken(picked, played);
          const scene = `Content Information ${version}.0, and a peer that holds it all`;
          if (broken !== undefined) {
            return finding(false, scene, `${broken}: ${hexText(request.body)}`, rule.expected);
          }
        }
      }
      if (looked === 0) return skipped("no such request came");
      return finding(true, "two contents, and peers that hold them", `${looked} requests`, rule.expected);
    },
  };
}

const any = (request: PeerRequest) => request;
const readable = (request: PeerRequest) => (request.body.length >= 16 ? request : undefined);
const forBlocks = (request: PeerRequest): BlockRequest | undefined =>
  request.message?.kind === "getBlocks" ? (request as BlockRequest) : undefined;
const forRanges = (request: PeerRequest) =>
  request.message?.kind === "getBlocks" || request.message?.kind === "getBlockList" ? request : undefined;

const rangesOf = ({ message }: PeerRequest) =>
  message?.kind === "getBlocks" || message?.kind === "getBlockList" ? message.body.ranges : [];
const idOf = ({ message }: PeerRequest) =>
  message?.kind === "getBlocks" || message?.kind === "getBlockList"
    ? message.body.segmentId
    : new Uint8Array(0);

/** Holds that every block comes from the peer, and none from the origin. */
function takesAll(version: ContentVersion): (target: ClientTarget) => Promise<ReturnType<typeof finding>> {
  return async (target) => {
    const played = await target.honest(version);
    const [peer] = played.peers;
    const blocks = blocksOf(played.content, version);
    const refetched = blocks.filter((block) => fromOrigin(played, block)).length;
    const asked = peer ? blockRequests(peer).length : 0;
    const good = played.right && refetched === 0 && asked >= blocks.length;
    const received =
      wrongContent(played) ??
      (good ? "all of it" : `${refetched} blocks from the origin; ${whatCame(played)}`);
    return finding(good, `${blocks.length} blocks at an honest peer`, received, "every block from the peer");
  };
}

export const requestChecks: readonly ClientCheck[] = [
  {
    id: "takes-blocks-v1",
    requirements: ["PCCRR-1", "PCCRR-78", "PCCRR-95", "PCCRR-96", "PCCRR-97"],
    level: "MUST",
    title: "takes every block of version 1.0 content from a peer that holds it",
    run: takesAll(1),
  },
  {
    id: "takes-blocks-v2",
    requirements: ["PCCRR-16", "PCCRR-144"],
    level: "MUST",
    title: "takes every segment of version 2.0 content from a peer that holds it, as block 0",
    run: takesAll(2),
  },
  everyRequest(
    {
      id: "post-to-path",
      requirements: ["PCCRR-2", "PCCRR-3", "PCCRR-4"],
      level: "MUST",
      title: "posts to the path of the protocol by HTTP/1.1",
    },
    any,
    {
      expected: `POST ${RETRIEVAL_PATH} HTTP/1.1`,
      broken: ({ requestLine, headers }) =>
        requestLine !== `POST ${RETRIEVAL_PATH} HTTP/1.1`
          ? requestLine
          : headers["host"] === undefined
            ? "no Host field"
            : undefined,
    },
  ),
  everyRequest(
    {
      id: "announced-port",
      requirements: ["PCCRR-10"],
      level: "MUST",
      title: "connects to the address and port that were announced",
    },
    any,
    { expected: "requests at the announced port", broken: () => undefined },
  ),
  everyRequest(
    {
      id: "one-message",
      requirements: ["PCCRR-5", "PCCRR-14", "PCCRR-18"],
      level: "MUST",
      title: "sends exactly one message, of the size that it names",
    },
    any,
    {
      expected: "MsgSize equal to the length of the body, and nothing behind the message",
      broken: (request) => request.problem,
    },
  ),
  everyRequest(
    {
      id: "version-words",
      requirements: ["PCCRR-19", "PCCRR-20"],
      level: "MUST",
      title: "sends version 1.0 with the messages of version 1, minor word first",
    },
    readable,
    {
      expected: "00000001 as the first four bytes",
      broken: (request) =>
        u32At(request.body, 4) <= 5 && u32At(request.body, 0) !== 1 ? "another version" : undefined,
    },
  ),
  everyRequest(
    {
      id: "request-types",
      requirements: ["PCCRR-21", "PCCRR-22", "PCCRR-73"],
      level: "MUST",
      title: "sends types 0, 2 and 3 to a peer, and no other",
    },
    readable,
    {
      expected: "type 0, 2 or 3",
      broken: (request) =>
        [0, 2, 3].includes(u32At(request.body, 4)) ? undefined : `type ${u32At(request.body, 4)}`,
    },
  ),
  everyRequest(
    {
      id: "known-cipher",
      requirements: ["PCCRR-23"],
      level: "MUST",
      title: "names a cipher from 0 to 3",
    },
    readable,
    {
      expected: "CryptoAlgoId 0 to 3",
      broken: (request) =>
        u32At(request.body, 12) <= 3 ? undefined : `CryptoAlgoId ${u32At(request.body, 12)}`,
    },
  ),
  everyRequest(
    {
      id: "prefers-aes-128",
      requirements: ["PCCRR-24"],
      level: "SHOULD",
      title: "prefers AES-128",
    },
    readable,
    {
      expected: "CryptoAlgoId 1",
      broken: (request) =>
        u32At(request.body, 12) === 1 ? undefined : `CryptoAlgoId ${u32At(request.body, 12)}`,
    },
  ),
  everyRequest(
    {
      id: "segment-of-content",
      requirements: ["PCCRR-31", "PCCRR-35"],
      level: "MUST",
      title: "names segments of the content, by the whole identifier",
    },
    forRanges,
    {
      expected: "an identifier of the Content Information",
      broken: (request, { content }) =>
        segmentById(content, idOf(request)) ? undefined : `segment ${toHex(idOf(request))}`,
    },
  ),
  everyRequest(
    {
      id: "ranges-in-segment",
      requirements: ["PCCRR-26", "PCCRR-27", "PCCRR-37"],
      level: "MUST",
      title: "asks for 1 to 256 ranges, none empty, inside the segment",
    },
    forRanges,
    {
      expected: "1 to 256 ranges, Count above 0, Index and Count at most 512",
      broken(request) {
        const ranges = rangesOf(request);
        if (ranges.length < 1 || ranges.length > 256) return `${ranges.length} ranges`;
        const bad = ranges.find(({ index, count }) => count < 1 || index + count > 512);
        return bad && `range [${bad.index}, ${bad.count}]`;
      },
    },
  ),
  everyRequest(
    {
      id: "ranges-sorted",
      requirements: ["PCCRR-40"],
      level: "SHOULD",
      title: "sorts ranges, and merges those that touch",
    },
    forRanges,
    {
      expected: "ranges in ascending order with gaps between them",
      broken: (request) =>
        rangesOf(request).every(({ index }, i, all) => {
          const before = all[i - 1];
          return before === undefined || index > before.index + before.count;
        })
          ? undefined
          : "ranges out of order, or touching",
    },
  ),
  everyRequest(
    {
      id: "one-block-a-request",
      requirements: ["PCCRR-41", "PCCRR-79"],
      level: "MUST",
      title: "asks for one block, by one range, in MSG_GETBLKS",
    },
    forBlocks,
    {
      expected: "one range with Count 1",
      broken(request) {
        const ranges = rangesOf(request);
        const blocks = ranges.reduce((sum, { count }) => sum + count, 0);
        return ranges.length === 1 && blocks === 1 ? undefined : `${ranges.length} ranges, ${blocks} blocks`;
      },
    },
  ),
  everyRequest(
    {
      id: "no-verification-data",
      requirements: ["PCCRR-42"],
      level: "SHOULD",
      title: "sends no DataForVrfBlock",
    },
    forBlocks,
    {
      expected: "SizeOfDataForVrfBlock 0",
      broken: ({ message }) =>
        message.body.verificationData.length === 0
          ? undefined
          : `${message.body.verificationData.length} bytes`,
    },
  ),
  everyRequest(
    {
      id: "held-blocks-only",
      requirements: ["PCCRR-78"],
      level: "MUST",
      title: "asks for blocks that the content has",
    },
    forBlocks,
    {
      expected: "a block of the content",
      broken(request, played) {
        const id = toHex(idOf(request));
        const index = rangesOf(request)[0]?.index;
        const has = blocksOf(played.content, played.version).some(
          (block) => toHex(block.segment.id) === id && block.index === index,
        );
        return has ? undefined : `block ${index}`;
      },
    },
  ),
  {
    id: "one-request-at-first",
    requirements: ["PCCRR-142"],
    level: "MUST",
    title: "sends a peer one request, and the next only after the first answer",
    async run({ stage }) {
      const played = await stage.play({
        peers: [{ delayMs: ({ index }) => (index === 0 ? FIRST_ANSWER_MS : 0) }],
      });
      const requests = played.peers.flatMap((peer) => peer.requests);
      if (requests.length === 0) return skipped("no request came");
      const early = requests.filter(({ answered, index }) => index > 0 && answered === 0).length;
      return finding(
        early === 0 && played.right,
        `a first answer after ${FIRST_ANSWER_MS} ms`,
        wrongContent(played) ?? `${early} requests before it`,
        "no second request before the first answer",
      );
    },
  },
];

/** Long enough for an impatient client to ask again, and shorter than the Request Timer of [MS-PCCRR] 3.1.2. */
const FIRST_ANSWER_MS = 250;
