/** The Content Information that a server sends, held against the content. [MS-PCCRTP] 3.2.5.1, [MS-PCCRC] 2 */
import type { ContentInformation } from "@branchcache/content-info";
import { equalBytes } from "@branchcache/runtime";
import { type Check, type Finding, finding, firstFault, skipped } from "../../kit/check.ts";
import { hashesFault, informationFault, readInformation, secretsFault, segmentsFault } from "./bodies.ts";
import {
  answerFinding,
  answerText,
  type ContentServerTarget,
  FIRST_OFFER,
  get,
  type Headers,
  OFFER,
  sentText,
} from "./target.ts";

export type ContentCheck = Check<ContentServerTarget>;

/** The fields of a client of version 1.1 that reads Content Information 1.0 alone. */
const V1_ALONE: Headers = {
  ...OFFER,
  "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=1.0",
};

/** Asks for Content Information of both versions, and holds that `fault` finds nothing wrong with either. */
function everyVersion(
  target: ContentServerTarget,
  expected: string,
  fault: (information: ContentInformation) => string | undefined,
): Promise<Finding> {
  return firstFault([V1_ALONE, OFFER], (headers) =>
    answerFinding(target, headers, expected, (answer) => {
      const read = readInformation(answer);
      return typeof read === "string" ? read : fault(read);
    }),
  );
}

export const informationChecks: readonly ContentCheck[] = [
  {
    id: "content-information",
    requirements: ["PCCRTP-4", "PCCRTP-27", "PCCRTP-28", "PCCRTP-38"],
    level: "MUST",
    title: "answers an offer of version 1.1 with Content Information about all of the content",
    run: (target) =>
      answerFinding(target, OFFER, "HTTP 200, Content Information 1.0 or 2.0", (answer) =>
        answer.status === 200 ? informationFault(answer, target) : `HTTP ${answer.status}`,
      ),
  },
  {
    id: "content-information-2",
    requirements: ["PCCRC-38", "PCCRC-39", "PCCRC-40", "PCCRC-43", "PCCRC-44"],
    level: "SHOULD",
    title: "answers an offer of both versions with Content Information 2.0",
    run: (target) =>
      answerFinding(target, OFFER, "Content Information 2.0", (answer) =>
        informationFault(answer, target, { version: 2 }),
      ),
  },
  {
    id: "first-version",
    requirements: ["PCCRTP-30", "PCCRTP-43", "PCCRC-25", "PCCRC-26", "PCCRC-27"],
    level: "MUST",
    title: "answers an offer of version 1.0 with Content Information 1.0",
    run: (target) =>
      answerFinding(target, FIRST_OFFER, "Content Information 1.0", (answer) =>
        informationFault(answer, target, { version: 1 }),
      ),
  },
  {
    id: "highest-is-1.0",
    requirements: ["PCCRTP-28"],
    level: "MUST",
    title: "answers MaxContentInformation=1.0 with Content Information 1.0",
    run: (target) =>
      answerFinding(target, V1_ALONE, "Content Information 1.0", (answer) =>
        informationFault(answer, target, { version: 1 }),
      ),
  },
  {
    id: "no-ex-field",
    requirements: ["PCCRTP-30"],
    level: "MUST",
    title: "answers Version=1.1 without X-P2P-PeerDistEx with Content Information 1.0",
    run: (target) =>
      answerFinding(
        target,
        { ...FIRST_OFFER, "X-P2P-PeerDist": "Version=1.1" },
        "Content Information 1.0",
        (answer) => informationFault(answer, target, { version: 1 }),
      ),
  },
  {
    id: "segments",
    requirements: ["PCCRTP-34", "PCCRC-7", "PCCRC-8", "PCCRC-34", "PCCRC-41", "PCCRC-45", "PCCRC-46"],
    level: "MUST",
    title: "describes segments that follow one another, of the lengths that they may have",
    run: (target) =>
      everyVersion(target, "segments of the content in order", (information) =>
        segmentsFault(information, target.content),
      ),
  },
  {
    id: "hashes",
    requirements: ["PCCRTP-27", "PCCRC-9", "PCCRC-11", "PCCRC-15", "PCCRC-16", "PCCRC-47"],
    level: "MUST",
    title: "sends hashes that are those of the content",
    run: (target) =>
      everyVersion(target, "hashes of these bytes", (information) =>
        hashesFault(information, target.content),
      ),
  },
  {
    id: "secrets",
    requirements: ["PCCRC-2", "PCCRC-17"],
    level: "MUST",
    title: "sends segment secrets made of its secret key and the hash of data",
    async run(target) {
      const { secret } = target;
      if (secret === undefined) return skipped("the server's secret key was not given");
      return everyVersion(target, "secrets of that key", (information) => secretsFault(information, secret));
    },
  },
  {
    id: "same-again",
    requirements: ["PCCRTP-27"],
    level: "MUST",
    title: "sends the same Content Information for the same content",
    async run(target) {
      const first = await get(target, OFFER);
      const again = await get(target, OFFER);
      const same = first.kind === "answer" && again.kind === "answer" && equalBytes(first.body, again.body);
      const received = `${answerText(first)}; then ${answerText(again)}`;
      return finding(same, sentText(OFFER), received, "the same twice");
    },
  },
];
