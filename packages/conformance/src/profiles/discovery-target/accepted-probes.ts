/** Which probes have to be answered, how often and how soon. [MS-PCCRD] 3.2.2, 3.2.4.1; WS-Discovery 5.2, 5.3 */
import { finding, firstFault } from "../../kit/check.ts";
import { TYPE_NAME } from "../../kit/discovery-names.ts";
import { CONTENT_VERSIONS } from "../../stage/content.ts";
import { base64Scope, hexScopes, probe } from "./probes.ts";
import { answerFinding, ask, type DiscoveryCheck, heldSegment, send } from "./target.ts";

/** What the network may add to the back-off of the target. */
const NETWORK_MS = 50;
/** A sender's first two repeats by SOAP over UDP, at its shortest delays. */
const COPIES_AT_MS = [50, 150];

const messageIdOf = (bytes: Uint8Array): string =>
  /MessageID[^>]*>\s*([^<\s]+)/.exec(new TextDecoder().decode(bytes))?.[1] ?? "";

export const acceptedProbeChecks: readonly DiscoveryCheck[] = [
  {
    id: "probe-1.0",
    requirements: [
      "PCCRD-1",
      "PCCRD-8",
      "PCCRD-57",
      "PCCRD-60",
      "PCCRD-65",
      "WSD-1",
      "WSD-2",
      "WSD-42",
      "WSD-44",
    ],
    level: "MUST",
    title:
      "answers a multicast probe of format 1.0 for a segment it holds, in that format, to the asking socket",
    run: (target) =>
      answerFinding(
        target,
        probe(target.random, 1, [heldSegment(target).id]),
        "a match of format 1.0",
        ({ match }) => {
          const isFirst = match.types?.some(({ local }) => local === TYPE_NAME[1]);
          return !isFirst && "another format";
        },
      ),
  },
  {
    id: "probe-2.0",
    requirements: ["PCCRD-8", "PCCRD-16", "PCCRD-18", "PCCRD-57", "PCCRD-60", "PCCRD-65", "WSD-38", "WSD-42"],
    level: "MUST",
    title:
      "answers a multicast probe of format 2.0 for a segment it holds, in that format, to the asking socket",
    run: (target) =>
      answerFinding(
        target,
        probe(target.random, 2, [heldSegment(target).id]),
        "a match of format 2.0",
        ({ match }) => {
          const isSecond = match.types?.some(({ local }) => local === TYPE_NAME[2]);
          return !isSecond && "another format";
        },
      ),
  },
  {
    id: "unicast-probe",
    requirements: ["WSD-46"],
    level: "SHOULD",
    title: "answers a probe that is sent to it alone",
    run: (target) =>
      answerFinding(
        target,
        probe(target.random, 1, [heldSegment(target).id]),
        "a match",
        () => undefined,
        "target",
      ),
  },
  {
    id: "repeated-probe",
    requirements: ["WSD-13"],
    level: "SHOULD",
    title: "takes a probe that is repeated, as SOAP over UDP does, for one: no second answer",
    async run(target) {
      const { bytes } = probe(target.random, 1, [heldSegment(target).id]);
      const { answers } = await send(target, bytes, { copiesAtMs: COPIES_AT_MS });
      // The answer may be repeated as well, and is the same message then.
      const ids = new Set(answers.map((answer) => messageIdOf(answer.bytes)));
      return finding(
        ids.size === 1,
        `a probe, and the same again after ${COPIES_AT_MS.join(" and ")} ms`,
        `${answers.length} datagrams with ${ids.size} MessageIDs`,
        "one answer",
      );
    },
  },
  {
    id: "any-prefix",
    requirements: ["PCCRD-3", "PCCRD-10", "WSD-31"],
    level: "MUST",
    title: "reads a probe whose prefixes are other ones",
    run: (target) =>
      answerFinding(
        target,
        probe(target.random, 1, [heldSegment(target).id], { prefixes: ["e", "x1", "y", "q"] }),
        "a match",
        () => undefined,
      ),
  },
  {
    id: "unknown-elements",
    requirements: ["WSD-59"],
    level: "MUST",
    title: "takes no notice of elements that it does not know",
    run(target) {
      const more = '<u:More xmlns:u="urn:example:unknown" u:a="1"><u:Deep/></u:More>';
      const sent = probe(target.random, 1, [heldSegment(target).id], { inHeader: more, inProbe: more });
      return answerFinding(target, sent, "a match", () => undefined);
    },
  },
  {
    id: "white-space",
    requirements: ["PCCRD-12", "WSD-32"],
    level: "SHOULD",
    title: "takes white space of XML round types and scopes, as in the document's examples",
    async run(target) {
      const { id } = heldSegment(target);
      const scopes = { 1: `\n  ${hexScopes([id])}\r\n\t`, 2: `\n ${base64Scope([id])} \n` };
      return firstFault(CONTENT_VERSIONS, (version) => {
        const types = `\n PeerDist:${TYPE_NAME[version]}\t`;
        const sent = probe(target.random, version, [id], { scopes: scopes[version], types });
        return answerFinding(target, sent, "a match", () => undefined);
      });
    },
  },
  {
    id: "back-off",
    requirements: ["PCCRD-61", "PCCRD-62", "PCCRD-63", "WSD-4", "WSD-43"],
    level: "SHOULD",
    title: "answers within the longest back-off, 65 ms unless it is set to another",
    async run({ backoffMs = 65, ...target }) {
      const { id } = heldSegment(target);
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        const answer = await ask(target, probe(target.random, 1, [id]));
        if (typeof answer !== "string") times.push(answer.afterMs);
      }
      // The network and a busy machine add to it: the quickest of three counts.
      const quickest = Math.min(...times);
      const text = times.map((ms) => `${ms.toFixed(0)} ms`).join(", ");
      return finding(
        quickest <= backoffMs + NETWORK_MS,
        "three probes",
        text || "no answer",
        `${backoffMs} ms`,
      );
    },
  },
];
