/** What a client makes of a peer's HTTP. [MS-PCCRR] 2.1, 3.1.6 */
import type { TransportFault } from "@branchcache/retrieval/testing";
import { formatEndpoint } from "@branchcache/runtime";
import { finding } from "../../kit/check.ts";
import { type ClientCheck, wrongContent } from "../../stage/target.ts";
import { faultCheck, judge, onEveryBlock, onFirstBlock } from "./scenes.ts";

interface Row {
  readonly id: string;
  readonly requirements: readonly string[];
  readonly fault: TransportFault;
  readonly title: string;
  readonly what: string;
}

const REFUSED: readonly Row[] = [
  {
    id: "gzip",
    requirements: ["PCCRR-13"],
    fault: "gzip",
    title: "refuses an answer with a content coding",
    what: "Content-Encoding: gzip",
  },
  {
    id: "drops-connection",
    requirements: ["PCCRR-140"],
    fault: "no-answer",
    title: "goes on when a peer drops the connection",
    what: "the end of the connection instead of an answer",
  },
  {
    id: "half-an-answer",
    requirements: ["PCCRR-104"],
    fault: "early-close",
    title: "takes nothing from half an answer",
    what: "half of the answer, then the end of the connection",
  },
  {
    id: "endless-answer",
    requirements: ["PCCRR-16", "PCCRR-134"],
    fault: "endless-body",
    title: "does not read an answer without end",
    what: "a body that never ends",
  },
  {
    id: "endless-head",
    requirements: ["PCCRR-134"],
    fault: "endless-head",
    title: "does not read header fields without end",
    what: "fields that never end",
  },
  {
    id: "huge-length",
    requirements: ["PCCRR-16", "PCCRR-134"],
    fault: "huge-length",
    title: "does not take what is longer than any message may be",
    what: "Content-Length: 1000000000",
  },
  {
    id: "http-error",
    requirements: ["PCCRR-104"],
    fault: "server-error",
    title: "takes an HTTP error for no block",
    what: "HTTP 500",
  },
  {
    id: "page-instead-of-message",
    requirements: ["PCCRR-104"],
    fault: "junk",
    title: "takes a web page for no message",
    what: "HTTP 200 and a page",
  },
  {
    id: "empty-answer",
    requirements: ["PCCRR-104"],
    fault: "empty-body",
    title: "takes an empty body for no message",
    what: "HTTP 200 and nothing",
  },
];

export const transportChecks: readonly ClientCheck[] = [
  ...REFUSED.map(({ fault, what, ...check }) =>
    faultCheck({ ...check, level: "MUST" }, { what, scene: { peers: [onFirstBlock(fault)] }, refused: true }),
  ),
  faultCheck(
    {
      id: "no-answer-in-time",
      requirements: ["PCCRR-74"],
      level: "MUST",
      title: "does not wait for ever for an answer",
    },
    { what: "requests that are never answered", scene: { peers: [onEveryBlock("stall")] }, refused: true },
  ),
  {
    id: "closed-each-time",
    requirements: ["PCCRR-2"],
    level: "MUST",
    title: "takes an answer after which the connection ends",
    run: async ({ stage }) =>
      judge(await stage.play({ peers: [onFirstBlock("closes-each-time")] }), "Connection: close", {
        taken: true,
      }),
  },
  {
    id: "redirect",
    requirements: ["PCCRR-13"],
    level: "MUST",
    title: "follows no redirect of a peer",
    negative: true,
    async run({ stage }) {
      const redirectTo = `http://${formatEndpoint(stage.endpoint)}/redirected`;
      const before = stage.strayRequests;
      const played = await stage.play({ peers: [{ ...onFirstBlock("redirect"), redirectTo }] });
      const followed = stage.strayRequests - before;
      return finding(
        played.right && followed === 0,
        `HTTP 302 to ${redirectTo}`,
        wrongContent(played) ?? `${followed} requests there`,
        "no request there, and the right content",
      );
    },
  },
];
