/** Scenes with one answer that is not as it should be, and what a client may make of it. */
import type { AnswerChange, Fault } from "@branchcache/retrieval/testing";
import { toHex } from "@branchcache/runtime";
import { type Finding, finding } from "../../kit/check.ts";
import { blocksOf, type ContentBlock } from "../../stage/content.ts";
import {
  askedBlock,
  blockRequests,
  type PeerRequest,
  type PeerScript,
  type StagePeer,
} from "../../stage/peer.ts";
import type { Played, Scene } from "../../stage/stage.ts";
import { type ClientCheck, fromOrigin, whatCame, wrongContent } from "../../stage/target.ts";

/** What has to become of the faulty answer, besides that the client comes by the right content. */
export interface Verdict {
  /** Its block is fetched again, here or elsewhere: nothing was taken from it. */
  readonly refused?: boolean;
  /** Its block is not fetched again: it was taken. */
  readonly taken?: boolean;
  /** The peer is asked for no block any more; those that were on their way do not count. */
  readonly givenUp?: boolean;
}

/** Requests under way at one peer. [MS-PCCRR] 3.1.4 and PCCRR-142 */
const WINDOW = 8;
/** Many times that, so that whoever goes on is told from whoever had asked already. */
export const MANY_BLOCKS_BYTES = 40 * 65_536;

export const isFirstBlock = (request: PeerRequest): boolean =>
  request.message?.kind === "getBlocks" && request.blocksAsked === 0;

/** Answers the first block request so, and everything else honestly. */
export const onFirstBlock = (fault: Fault | AnswerChange): PeerScript => ({
  fault: (request) => (isFirstBlock(request) ? fault : undefined),
});

/** Answers every block request so. */
export const onEveryBlock = (fault: Fault): PeerScript => ({
  fault: (request) => (request.message?.kind === "getBlocks" ? fault : undefined),
});

export function faultCheck(
  check: Omit<ClientCheck, "run" | "negative">,
  play: { readonly what: string; readonly scene: Scene } & Verdict,
): ClientCheck {
  return {
    ...check,
    negative: true,
    async run({ stage }) {
      const { what, scene: asked, ...verdict } = play;
      const scene = verdict.givenUp ? { lengthBytes: MANY_BLOCKS_BYTES, ...asked } : asked;
      return judge(await stage.play(scene), what, verdict);
    },
  };
}

/** Looks at the first peer of the scene. */
export function judge(played: Played, what: string, verdict: Verdict): Finding {
  const wanted = [
    "the right content",
    ...(verdict.refused ? ["the block fetched again"] : []),
    ...(verdict.taken ? ["the block taken"] : []),
    ...(verdict.givenUp ? ["no more block requests to this peer, but for those under way"] : []),
  ].join(", ");
  const [peer] = played.peers;
  const asked = peer ? blockRequests(peer) : [];
  const [first] = asked;
  if (!peer || !first) {
    return { outcome: "inconclusive", sent: what, received: whatCame(played), expected: "a block request" };
  }
  const wrong = wrongContent(played);
  const again = fetchedAgain(played, peer);
  const later = asked.slice(1).length;
  const broken =
    wrong ??
    (verdict.refused && !again
      ? "the block was asked for nowhere else: it was taken from this answer"
      : undefined) ??
    (verdict.taken && again ? "the block was fetched again" : undefined) ??
    (verdict.givenUp && later > WINDOW ? `${later} more block requests to this peer` : undefined);
  return finding(broken === undefined, what, broken ?? "all of that", wanted);
}

/** Whether the block of the first request was asked for once more: at a peer, or at the origin. */
function fetchedAgain(played: Played, peer: StagePeer): boolean {
  const [first, ...others] = blockRequests(peer);
  if (!first) return false;
  const key = askedBlock(first);
  const elsewhere = played.peers.filter((other) => other !== peer).flatMap((other) => blockRequests(other));
  if ([...others, ...elsewhere].some((request) => askedBlock(request) === key)) return true;
  const block = blocksOf(played.content, played.version).find((one) => blockKey(one) === key);
  return block !== undefined && fromOrigin(played, block);
}

const blockKey = ({ segment, index }: ContentBlock) => `${toHex(segment.id)}:${index}`;
