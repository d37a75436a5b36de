/** Transport, header and versions. [MS-PCCRR] 2.1.1, 2.2.2, 2.2.3, 3.2.5.1 */
import { RETRIEVAL_PATH } from "@branchcache/retrieval";
import { toHex } from "@branchcache/runtime";
import { type Finding, finding } from "../../kit/check.ts";
import { type HttpSent, hexText, seenText } from "../../kit/http.ts";
import { ALL_BLOCKS, answerFinding, type ServerCheck } from "./asking.ts";
import { getBlockList, getBlocks, negoRequest } from "./messages.ts";
import { ask, heldSegment, type RetrievalServerTarget, readAnswer, unknownId } from "./target.ts";

export const framingChecks: readonly ServerCheck[] = [
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
    id: "negotiation",
    requirements: ["PCCRR-51", "PCCRR-72", "PCCRR-111"],
    level: "MUST",
    title: "answers MSG_NEGO_REQ with its own range of versions",
    run: (target) =>
      answerFinding(
        target,
        negoRequest([1, 0], [2, 0]),
        "MSG_NEGO_RESP, lowest not above highest",
        (message) =>
          message.kind === "nego" &&
          message.body.min.major >= 1 &&
          message.body.min.major <= message.body.max.major,
      ),
  },
  {
    id: "unsupported-version",
    requirements: ["PCCRR-112"],
    level: "MUST",
    title: "answers a request of a version it does not speak with MSG_NEGO_RESP",
    run: (target) =>
      answerFinding(
        target,
        getBlocks(heldSegment(target).id, [{ index: 0, count: 1 }], { header: { major: 99 } }),
        "MSG_NEGO_RESP",
        (message) => message.kind === "nego",
      ),
  },
  {
    id: "path-in-any-case",
    requirements: ["PCCRR-12"],
    level: "SHOULD",
    title: "takes the path without regard to letter case",
    async run(target) {
      const segment = heldSegment(target);
      const seen = await ask(target, getBlockList(segment.id, [ALL_BLOCKS]), {
        path: RETRIEVAL_PATH.toLowerCase(),
      });
      return finding(readAnswer(seen).ok, RETRIEVAL_PATH.toLowerCase(), seenText(seen), "MSG_BLKLIST");
    },
  },
  {
    id: "other-path",
    requirements: ["PCCRR-133"],
    level: "SHOULD",
    title: "answers 404 for a path that is not its own",
    negative: true,
    run: (target) =>
      statusFinding(target, { path: "/conformance-no-such-path", body: new Uint8Array(16) }, 404),
  },
  {
    id: "other-method",
    requirements: ["PCCRR-133"],
    level: "SHOULD",
    title: "answers 405 for another method",
    negative: true,
    run: (target) =>
      statusFinding(target, { method: "PUT", path: RETRIEVAL_PATH, body: new Uint8Array(16) }, 405),
  },
  {
    id: "no-length",
    requirements: ["PCCRR-133"],
    level: "SHOULD",
    title: "answers 411 for a body without Content-Length",
    negative: true,
    run: (target) =>
      statusFinding(
        target,
        {
          path: RETRIEVAL_PATH,
          body: getBlockList(heldSegment(target).id, [ALL_BLOCKS]),
          headers: { "Transfer-Encoding": "chunked" },
        },
        411,
      ),
  },
];

async function statusFinding(
  target: RetrievalServerTarget,
  sent: HttpSent,
  status: number,
): Promise<Finding> {
  const seen = await ask(target, sent.body ?? new Uint8Array(0), sent);
  const good = seen.kind === "answer" && seen.status === status;
  return finding(good, `${sent.method ?? "POST"} ${sent.path}`, seenText(seen), `HTTP ${status}`);
}
