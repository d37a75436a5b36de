/** What a client makes of the origin's answers. [MS-PCCRTP] 2.2, 3.1.5 */
import { equalBytes } from "@branchcache/runtime";
import { finding, skipped } from "../../kit/check.ts";
import { makeContent, type StageContent } from "../../stage/content.ts";
import {
  codedReply,
  type OriginReply,
  type OriginRequest,
  parameters,
  plainReply,
} from "../../stage/origin.ts";
import { blockRequests } from "../../stage/peer.ts";
import type { Scene } from "../../stage/stage.ts";
import { type ClientCheck, whatCame, wrongContent } from "../../stage/target.ts";
import { ALONE, isOffer, isPlainRequest } from "./requests.ts";

/** An origin that answers offers honestly but for this change. */
const coded =
  (change: (reply: OriginReply) => OriginReply): NonNullable<Scene["origin"]> =>
  (request, content) =>
    isOffer(request) ? change(codedReply(request, content, 1)) : undefined;

/** Holds that the client reads the Content Information of the scene: it takes blocks from the peer. */
function readsIt(check: Omit<ClientCheck, "run">, sent: string, scene: Scene): ClientCheck {
  return {
    ...check,
    async run({ stage }) {
      const played = await stage.play(scene);
      const asked = played.peers.flatMap((peer) => blockRequests(peer)).length;
      return finding(
        played.right && asked > 0,
        sent,
        wrongContent(played) ?? `${asked} block requests; ${whatCame(played)}`,
        "blocks taken from the peer, by this Content Information",
      );
    },
  };
}

/** Header fields of the same meaning in another spelling. */
const otherSpelling: NonNullable<Scene["origin"]> = coded((reply) => {
  const length = parameters(reply.headers["X-P2P-PeerDist"])["ContentLength"];
  const headers = { ...reply.headers, "Content-Encoding": "PeerDist", "X-P2P-PeerDist": "" };
  headers["X-P2P-PeerDist"] = `contentlength=${length} ,VERSION=1.1`;
  return { ...reply, headers };
});

/** An origin whose content becomes `next` once the Content Information of the first was sent. */
function changing(next: StageContent): { readonly origin: NonNullable<Scene["origin"]> } {
  let told = false;
  const now = (request: OriginRequest, content: StageContent): OriginReply => {
    if (isOffer(request) && !told) {
      told = true;
      return codedReply(request, content, 1);
    }
    return isOffer(request) ? codedReply(request, next, 1) : plainReply(request, next);
  };
  return { origin: now };
}

export const answerChecks: readonly ClientCheck[] = [
  readsIt(
    {
      id: "content-information-v1",
      requirements: ["PCCRTP-14"],
      level: "MUST",
      title: "reads Content Information 1.0",
    },
    "Content Information 1.0, and a peer",
    {},
  ),
  {
    id: "content-information-v2",
    requirements: ["PCCRTP-15"],
    level: "MUST",
    title: "reads Content Information 2.0 if it says so",
    async run(target) {
      const played = await target.honest(2);
      const offer = played.originRequests.find(isOffer);
      const { MaxContentInformation: max } = parameters(offer?.headers["x-p2p-peerdistex"]);
      if (max !== "2.0") return skipped("the client does not ask for version 2.0");
      const asked = played.peers.flatMap((peer) => blockRequests(peer)).length;
      return finding(
        played.right && asked > 0,
        "Content Information 2.0, and a peer",
        wrongContent(played) ?? `${asked} block requests; ${whatCame(played)}`,
        "blocks taken from the peer",
      );
    },
  },
  readsIt(
    {
      id: "other-spelling",
      requirements: ["PCCRTP-4", "PCCRTP-5"],
      level: "SHOULD",
      title: "reads the fields in any case, order and spacing",
    },
    "Content-Encoding: PeerDist, X-P2P-PeerDist: contentlength=N ,VERSION=1.1",
    { origin: otherSpelling },
  ),
  readsIt(
    {
      id: "chunked-content-information",
      requirements: ["PCCRTP-3", "PCCRTP-38"],
      level: "MUST",
      title: "reads Content Information that comes in chunks",
    },
    "Transfer-Encoding: chunked",
    {
      origin: coded((reply) => ({ ...reply, headers: { ...reply.headers, "Transfer-Encoding": "chunked" } })),
    },
  ),
  {
    id: "plain-content",
    requirements: ["PCCRTP-38", "PCCRTP-40"],
    level: "MUST",
    title: "takes ordinary content where the server does not use the coding",
    async run({ stage }) {
      const played = await stage.play({ ...ALONE, origin: plainReply });
      return finding(played.right, "the content", wrongContent(played) ?? "all of it", "the content");
    },
  },
  {
    id: "unusable-content-information",
    requirements: ["PCCRTP-41"],
    level: "MUST",
    title: "comes by the content though the Content Information is unusable",
    negative: true,
    async run({ stage }) {
      const junk = coded((reply) => ({
        ...reply,
        body: reply.body.map((byte, at) => (at < 18 ? byte : 0xff)),
      }));
      const played = await stage.play({ ...ALONE, origin: junk });
      const received = wrongContent(played) ?? "all of it";
      return finding(played.right, "Content Information with FF behind its head", received, "the content");
    },
  },
  {
    id: "error-of-origin",
    requirements: ["PCCRTP-41"],
    level: "MUST",
    title: "fails where the origin says that there is no such content",
    negative: true,
    async run({ stage }) {
      const gone: OriginReply = { status: 404, headers: {}, body: new Uint8Array(0) };
      const played = await stage.play({ ...ALONE, origin: () => gone });
      const received = played.result.ok ? `${played.result.bytes.length} bytes` : "the download failed";
      return finding(!played.result.ok, "HTTP 404", received, "a failed download");
    },
  },
  {
    id: "changed-content",
    requirements: ["PCCRTP-38", "PCCRTP-41"],
    level: "MUST",
    title: "mixes no two versions of the content, and gives the newer one or none",
    negative: true,
    async run({ stage }) {
      const next = makeContent(stage.random, CHANGED_BYTES);
      const played = await stage.play({ ...ALONE, ...changing(next) });
      const { result } = played;
      const good = !result.ok || equalBytes(result.bytes, next.bytes);
      const received = result.ok
        ? good
          ? "the newer content"
          : `${result.bytes.length} bytes that are neither`
        : `the download failed: ${result.reason}`;
      return finding(
        good,
        "Content Information, then other content with another ETag",
        received,
        "the newer content",
      );
    },
  },
  {
    id: "begins-anew",
    requirements: ["PCCRTP-41"],
    level: "SHOULD",
    title: "begins anew when the content changes under way",
    async run({ stage }) {
      const next = makeContent(stage.random, CHANGED_BYTES);
      const { result } = await stage.play({ ...ALONE, ...changing(next) });
      const good = result.ok && equalBytes(result.bytes, next.bytes);
      const received = result.ok ? `${result.bytes.length} bytes` : `the download failed: ${result.reason}`;
      return finding(good, "Content Information, then other content", received, "the newer content");
    },
  },
  {
    id: "bytes-of-origin-verified",
    requirements: ["PCCRR-100", "PCCRTP-41"],
    level: "MUST",
    title: "does not put together what the origin sends and the Content Information does not know",
    negative: true,
    async run({ stage }) {
      // The file was changed, and the validator was not.
      const spoilt = (content: StageContent): StageContent => ({
        ...content,
        bytes: content.bytes.map((byte, at) => (at === SPOILT_AT ? byte ^ 1 : byte)),
      });
      const played = await stage.play({
        ...ALONE,
        origin: (request, content) =>
          isPlainRequest(request) ? plainReply(request, spoilt(content)) : undefined,
      });
      const { result, content } = played;
      const whole = result.ok && equalBytes(result.bytes, spoilt(content).bytes);
      const afresh = played.originRequests.filter(isPlainRequest).length > 1;
      const good = !result.ok || (whole && afresh);
      const received = result.ok
        ? `${afresh ? "content fetched again" : "the bytes as they came, not fetched again"}`
        : `the download failed: ${result.reason}`;
      return finding(
        good,
        "missing data with one bit changed, and the same ETag",
        received,
        "a failed download, or all of the content fetched anew",
      );
    },
  },
  {
    id: "closes-gracefully",
    requirements: ["PCCRTP-23"],
    level: "SHOULD",
    title: "closes the connection by FIN where the server asks for that",
    async run({ stage }) {
      const close = coded((reply) => ({ ...reply, headers: { ...reply.headers, Connection: "close" } }));
      const played = await stage.play({ origin: close });
      return finding(
        played.right && played.originResets === 0,
        "Connection: close",
        wrongContent(played) ?? `${played.originResets} connections reset`,
        "no reset",
      );
    },
  },
];

/** Not the length of a scene's content, so that the two cannot be confused. */
const CHANGED_BYTES = 150_000;
const SPOILT_AT = 100_000;
