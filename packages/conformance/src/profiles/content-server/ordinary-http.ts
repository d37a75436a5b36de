/** Ranges, conditions, methods and versions of HTTP are what they are without the coding. [MS-PCCRTP] 2.2, 2.3 */
import { equalBytes } from "@branchcache/runtime";
import { finding, skipped } from "../../kit/check.ts";
import { rawExchange } from "../../kit/raw-http.ts";
import { hashesFault, informationFault, isCoded, plainFault, readInformation } from "./bodies.ts";
import type { ContentCheck } from "./information.ts";
import {
  type Answer,
  answerFinding,
  answerText,
  type ContentServerTarget,
  get,
  type Headers,
  OFFER,
  sentText,
} from "./target.ts";

const validatorOf = async (target: ContentServerTarget): Promise<string> => {
  const seen = await get(target, {});
  const etag = seen.kind === "answer" ? seen.headers.etag : undefined;
  return etag ?? "";
};

/** The middle third of the content. */
const partOf = ({ content }: ContentServerTarget) => {
  const startBytes = Math.floor(content.length / 3);
  return { startBytes, endBytes: Math.max(Math.floor((2 * content.length) / 3), startBytes + 1) };
};
const rangeField = ({ startBytes, endBytes }: { startBytes: number; endBytes: number }): string =>
  `bytes=${startBytes}-${endBytes - 1}`;

/** Why an answer is not these bytes of the content, without the coding; undefined when it is. */
function partFault(
  answer: Answer,
  target: ContentServerTarget,
  start: number,
  end: number,
): string | undefined {
  if (isCoded(answer)) return "Content Information";
  if (answer.status !== 206) return `HTTP ${answer.status}`;
  const expected = `bytes ${start}-${end - 1}/${target.content.length}`;
  if (answer.headers["content-range"] !== expected) return `Content-Range is not ${expected}`;
  return equalBytes(answer.body, target.content.subarray(start, end)) ? undefined : "other bytes";
}

const uncoded = (answer: Answer, status: number): string | undefined => {
  if (answer.status !== status) return `HTTP ${answer.status}`;
  return answer.headers["content-encoding"] === undefined ? undefined : "a coding";
};

const MISSING_DATA: Headers = { "X-P2P-PeerDist": "Version=1.1, MissingDataRequest=true" };

export const ordinaryHttpChecks: readonly ContentCheck[] = [
  {
    id: "range",
    requirements: ["PCCRTP-27", "PCCRTP-38", "PCCRC-28", "PCCRC-29", "PCCRC-30", "PCCRC-33", "PCCRC-42"],
    level: "MUST",
    title: "answers a range and an offer with that part, or Content Information about it or about all",
    async run(target) {
      const range = partOf(target);
      const { startBytes, endBytes } = range;
      const headers = { ...OFFER, Range: rangeField(range) };
      const whole = (answer: Answer) =>
        isCoded(answer) ? informationFault(answer, target) : plainFault(answer, target);
      return answerFinding(target, headers, "206 about the range, or 200 about all", (answer) => {
        if (answer.status === 200) return whole(answer);
        if (!isCoded(answer)) return partFault(answer, target, startBytes, endBytes);
        const expected = `bytes ${startBytes}-${endBytes - 1}/${target.content.length}`;
        if (answer.headers["content-range"] !== expected) return `Content-Range is not ${expected}`;
        const read = readInformation(answer);
        if (typeof read === "string") return read;
        return informationFault(answer, target, { range }) ?? hashesFault(read, target.content);
      });
    },
  },
  {
    id: "several-ranges",
    requirements: ["PCCRTP-38"],
    level: "SHOULD",
    title: "sends no Content Information for several ranges",
    negative: true,
    async run(target) {
      const Range = `${rangeField(partOf(target))}, -1`;
      return answerFinding(target, { ...OFFER, Range }, "HTTP 200 or 206 without the coding", (answer) =>
        isCoded(answer) ? "Content Information" : uncoded(answer, answer.status === 206 ? 206 : 200),
      );
    },
  },
  {
    id: "missing-data-range",
    requirements: ["PCCRTP-12", "PCCRTP-38"],
    level: "MUST",
    title: "answers a range that peers could not supply with exactly those bytes",
    async run(target) {
      const { startBytes, endBytes } = partOf(target);
      const headers = { ...MISSING_DATA, Range: rangeField({ startBytes, endBytes }) };
      return answerFinding(target, headers, "HTTP 206 with those bytes", (answer) =>
        partFault(answer, target, startBytes, endBytes),
      );
    },
  },
  {
    id: "missing-data-if-range",
    requirements: ["PCCRTP-38"],
    level: "MUST",
    title: "keeps to If-Range in such a request: the part for this validator, everything for another",
    async run(target) {
      const etag = await validatorOf(target);
      if (etag === "" || etag.startsWith("W/")) return skipped("the resource has no strong ETag");
      const end = target.content.length;
      const headers = { ...MISSING_DATA, Range: rangeField({ startBytes: end - 1, endBytes: end }) };
      const same = await answerFinding(target, { ...headers, "If-Range": etag }, "the last byte", (answer) =>
        partFault(answer, target, end - 1, end),
      );
      if (same.outcome !== "pass") return same;
      return answerFinding(target, { ...headers, "If-Range": '"another"' }, "all of the content", (answer) =>
        plainFault(answer, target),
      );
    },
  },
  {
    id: "range-after-the-end",
    requirements: ["PCCRTP-38"],
    level: "MUST",
    title: "answers a range after the end with 416, without the coding",
    negative: true,
    run: (target) =>
      answerFinding(target, { ...OFFER, Range: `bytes=${target.content.length}-` }, "HTTP 416", (answer) =>
        uncoded(answer, 416),
      ),
  },
  {
    id: "not-modified",
    requirements: ["PCCRTP-38"],
    level: "MUST",
    title: "answers If-None-Match with 304, without the coding",
    negative: true,
    async run(target) {
      const etag = await validatorOf(target);
      if (etag === "") return skipped("the resource has no ETag");
      return answerFinding(target, { ...OFFER, "If-None-Match": etag }, "HTTP 304, no body", (answer) =>
        answer.body.length > 0 ? "a body" : uncoded(answer, 304),
      );
    },
  },
  {
    id: "precondition-failed",
    requirements: ["PCCRTP-38"],
    level: "MUST",
    title: "answers If-Match with another ETag with 412, without the coding",
    negative: true,
    run: (target) =>
      answerFinding(target, { ...OFFER, "If-Match": '"another"' }, "HTTP 412", (answer) =>
        uncoded(answer, 412),
      ),
  },
  {
    id: "not-found",
    requirements: ["PCCRTP-38"],
    level: "MUST",
    title: "answers an offer for nothing with 404, without the coding",
    negative: true,
    run: (target) =>
      answerFinding(target, OFFER, "HTTP 404", (answer) => uncoded(answer, 404), {
        path: `/conformance-${target.random.bytes(8).join("")}`,
      }),
  },
  {
    id: "head",
    requirements: ["PCCRTP-38", "PCCRTP-44"],
    level: "MUST",
    title: "answers HEAD without the coding, and with the length of the content if any",
    negative: true,
    run: (target) =>
      answerFinding(
        target,
        OFFER,
        `HTTP 200, Content-Length ${target.content.length}`,
        (answer) => {
          const length = answer.headers["content-length"];
          if (length !== undefined && Number(length) !== target.content.length)
            return `Content-Length ${length}`;
          return uncoded(answer, 200);
        },
        { method: "HEAD" },
      ),
  },
  {
    id: "http-1.0",
    requirements: ["PCCRTP-26", "PCCRTP-38"],
    level: "MUST",
    title: "answers an offer by HTTP/1.0 with the content or Content Information",
    async run(target) {
      const { host, path, server, timeoutMs } = target;
      const fields = Object.entries({ Host: host, ...OFFER }).map(([name, value]) => `${name}: ${value}`);
      const head = [`GET ${path} HTTP/1.0`, ...fields, "", ""].join("\r\n");
      const seen = await rawExchange(server, head, timeoutMs);
      const fault =
        seen.kind === "nothing"
          ? seen.reason
          : isCoded(seen)
            ? informationFault(seen, target)
            : plainFault(seen, target);
      const received = fault === undefined ? answerText(seen) : `${fault}; ${answerText(seen)}`;
      return finding(fault === undefined, `HTTP/1.0 | ${sentText(OFFER)}`, received, "HTTP 200");
    },
  },
];
