/** Scenes in which a peer gives faulty answers, and what a client may make of them. */
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

/** What the client has to do with the faulty answer; it has to come by the right content in any case. */
export interface Verdict {
  /** It fetches the block again, from this peer or elsewhere. */
  readonly refused?: boolean;
  /** It takes the block, and does not fetch it again. */
  readonly taken?: boolean;
  /** It asks this peer for no more blocks; requests that were under way do not count. */
  readonly givenUp?: boolean;
}

/** Requests under way at one peer. [MS-PCCRR] 3.1.4 and PCCRR-142 */
const WINDOW = 8;
/** Many times as many blocks, to tell a client that goes on from one whose requests were under way. */
export const MANY_BLOCKS_BYTES = 40 * 65_536;

export const isFirstBlock = (request: PeerRequest): boolean =>
  request.message?.kind === "getBlocks" && request.blocksAsked === 0;

/** A peer that answers the first block request with this fault, and everything else honestly. */
export const onFirstBlock = (fault: Fault | AnswerChange): PeerScript => ({
  fault: (request) => (isFirstBlock(request) ? fault : undefined),
});

/** A peer that answers every block request with this fault. */
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

/** Holds that the client did with the answers of the first peer what the verdict says. */
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

/** Whether the block of the first request was asked for again, from a peer or the origin. */
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
