/** What a client makes of lists of blocks. [MS-PCCRR] 3.1.5.2 */
import { SIZE_PREFIX_BYTES } from "@branchcache/retrieval";
import type { AnswerChange } from "@branchcache/retrieval/testing";
import { finding, skipped } from "../../kit/check.ts";
import { blockRequests, type PeerScript } from "../../stage/peer.ts";
import { type ClientCheck, whatCame, wrongContent } from "../../stage/target.ts";

/** A peer that answers every MSG_GETBLKLIST with this change, and gives blocks honestly. */
const onLists = (fault: AnswerChange): PeerScript => ({
  fault: (request) => (request.message?.kind === "getBlockList" ? fault : undefined),
});

/** Where BlockRangeCount begins: Size, header, and a segment identifier of 32 bytes come before it. */
const RANGES_AT = SIZE_PREFIX_BYTES + 16 + 4 + 32;

/** Changes the first byte of the segment identifier. */
const otherSegment: AnswerChange = (honest) => {
  const changed = honest.slice();
  changed[SIZE_PREFIX_BYTES + 20] = (changed[SIZE_PREFIX_BYTES + 20] ?? 0) ^ 1;
  return changed;
};

/** Puts every range far behind the last block of the content. */
const otherRanges: AnswerChange = (honest) => {
  const changed = honest.slice();
  const view = new DataView(changed.buffer);
  const count = view.getUint32(RANGES_AT);
  for (let i = 0; i < count; i++) {
    view.setUint32(RANGES_AT + 4 + 8 * i, 400 + i);
    view.setUint32(RANGES_AT + 8 + 8 * i, 1);
  }
  return changed;
};

/** A list that must not be believed: the peer gets no block request after it, and the content comes from elsewhere. */
function unbelieved(
  check: Pick<ClientCheck, "id" | "requirements" | "level" | "title">,
  what: string,
  change: AnswerChange,
): ClientCheck {
  return {
    ...check,
    negative: true,
    async run({ stage }) {
      const played = await stage.play({ peers: [onLists(change)] });
      const lists = played.peers.flatMap(({ requests }) =>
        requests.filter(({ message }) => message?.kind === "getBlockList"),
      );
      if (lists.length === 0) return skipped("the client asks for no list of blocks");
      const asked = played.peers.flatMap((peer) =>
        blockRequests(peer).filter(({ index }) => index > (lists[0]?.index ?? 0)),
      );
      return finding(
        played.right && asked.length === 0,
        what,
        wrongContent(played) ?? `${asked.length} block requests after it`,
        "the right content, and no block request on the word of this list",
      );
    },
  };
}

export const blockListChecks: readonly ClientCheck[] = [
  unbelieved(
    {
      id: "list-of-other-segment",
      requirements: ["PCCRR-91"],
      level: "SHOULD",
      title: "drops a list of blocks of another segment, and asks no further",
    },
    "MSG_BLKLIST with another segment identifier",
    otherSegment,
  ),
  unbelieved(
    {
      id: "list-of-other-blocks",
      requirements: ["PCCRR-93"],
      level: "MUST",
      title: "drops a list that has none of the blocks asked for, and asks no further",
    },
    "MSG_BLKLIST with ranges that were not asked for",
    otherRanges,
  ),
  {
    id: "part-of-segment",
    requirements: ["PCCRR-94", "PCCRR-78"],
    level: "MUST",
    title: "takes from each of two peers the blocks that it holds",
    async run({ stage }) {
      const peers: readonly PeerScript[] = [
        { holds: (_, index) => index % 2 === 0 },
        { holds: (_, index) => index % 2 === 1 },
      ];
      const played = await stage.play({ peers });
      const asked = played.peers.map((peer) => blockRequests(peer).length);
      return finding(
        played.right && asked.every((count) => count > 0),
        "a peer with the even blocks, and one with the odd ones",
        wrongContent(played) ?? `${asked.join(" and ")} block requests; ${whatCame(played)}`,
        "blocks from both, and the right content",
      );
    },
  },
];
