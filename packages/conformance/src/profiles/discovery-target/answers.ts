/** What a ProbeMatches has to be. [MS-PCCRD] 2.2, 3.2.4.1; WS-Discovery 5.3 */
import { parseEndpoint, toHex } from "@branchcache/runtime";
import { type Finding, finding, skipped } from "../../kit/check.ts";
import { PEERDIST_NAMESPACE, TYPE_NAME } from "../../kit/discovery-names.ts";
import { CONTENT_VERSIONS } from "../../stage/content.ts";
import { base64Scope, hexScopes, probe } from "./probes.ts";
import {
  type Answer,
  answerFinding,
  ask,
  type DiscoveryCheck,
  type DiscoveryTarget,
  extensionText,
  heldSegment,
  send,
} from "./target.ts";

const ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const PROBE_MATCHES = "http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches";

/** The same of both formats: the first finding that is no pass, or the last. */
async function bothFormats(
  target: DiscoveryTarget,
  expected: string,
  fault: (answer: Answer, version: 1 | 2, messageId: string) => string | false | undefined,
): Promise<Finding> {
  let found = skipped("no format");
  for (const version of CONTENT_VERSIONS) {
    const sent = probe(target.random, version, [heldSegment(target).id]);
    found = await answerFinding(target, sent, expected, (answer) => fault(answer, version, sent.messageId));
    if (found.outcome !== "pass") break;
  }
  return found;
}

const messageIdOf = (bytes: Uint8Array): string =>
  /MessageID[^>]*>\s*([^<\s]+)/.exec(new TextDecoder().decode(bytes))?.[1] ?? "";

/** Two bits a segment, the first in the top bits. [MS-PCCRD] 2.2.3.3 */
const bitsOf = (scopes: readonly string[] = []): string =>
  [...Buffer.from(scopes.join(""), "base64")].map((byte) => byte.toString(2).padStart(8, "0")).join("");

export const answerChecks: readonly DiscoveryCheck[] = [
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
    id: "addressing",
    requirements: ["WSD-9", "WSD-16", "WSD-48"],
    level: "MUST",
    title: "sends Action ProbeMatches, to the anonymous address",
    run: (target) =>
      bothFormats(target, `${PROBE_MATCHES}, ${ANONYMOUS}`, ({ text }) => {
        const compact = text.replace(/\s+/g, "");
        return (
          !(compact.includes(`>${PROBE_MATCHES}<`) && compact.includes(`>${ANONYMOUS}<`)) && "other headers"
        );
      }),
  },
  {
    id: "relates-to",
    requirements: ["WSD-17"],
    level: "MUST",
    title: "names the probe in RelatesTo",
    run: (target) =>
      bothFormats(target, "the MessageID of the probe", ({ message }, _, messageId) => {
        return message.relatesTo?.toLowerCase() !== messageId && `RelatesTo ${message.relatesTo}`;
      }),
  },
  {
    id: "message-id",
    requirements: ["WSD-9", "WSD-10"],
    level: "MUST",
    title: "gives each answer a MessageID of its own",
    async run(target) {
      const id = heldSegment(target).id;
      const first = await ask(target, probe(target.random, 1, [id]));
      return answerFinding(target, probe(target.random, 1, [id]), "another MessageID", ({ message }) => {
        const before = typeof first === "string" ? "" : first.message.messageId;
        return (before === "" || before === message.messageId) && `after ${before}`;
      });
    },
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
    id: "app-sequence",
    requirements: ["PCCRD-28", "PCCRD-30", "WSD-52", "WSD-53", "WSD-54", "WSD-55"],
    level: "MUST",
    title: "sends AppSequence: the same InstanceId, and MessageNumber raised from answer to answer",
    async run(target) {
      const id = heldSegment(target).id;
      const first = await ask(target, probe(target.random, 1, [id]));
      const before = typeof first === "string" ? undefined : first.message.appSequence;
      return answerFinding(target, probe(target.random, 2, [id]), "a higher MessageNumber", ({ message }) => {
        const after = message.appSequence;
        const raised =
          before !== undefined &&
          after !== undefined &&
          after.instanceId === before.instanceId &&
          after.messageNumber > before.messageNumber;
        return !raised && `${JSON.stringify(before)}, then ${JSON.stringify(after)}`;
      });
    },
  },
  {
    id: "types",
    requirements: ["PCCRD-2", "PCCRD-9"],
    level: "MUST",
    title: "sets Types to the one name of the format",
    run: (target) =>
      bothFormats(target, "PeerDistData, PeerDistDataV2", ({ match: { types = [] } }, version) => {
        const [type] = types;
        return (
          !(types.length === 1 && type?.uri === PEERDIST_NAMESPACE && type.local === TYPE_NAME[version]) &&
          "other types"
        );
      }),
  },
  {
    id: "one-match",
    requirements: ["PCCRD-68"],
    level: "SHOULD",
    title: "puts one ProbeMatch into a message",
    run: (target) =>
      bothFormats(target, "one", ({ message }) => {
        return !(message.kind === "ProbeMatches" && message.matches.length === 1) && "several";
      }),
  },
  {
    id: "endpoint-address",
    requirements: ["PCCRD-24", "WSD-20"],
    level: "MUST",
    title: "names its endpoint by one uuid URI, the same in every answer",
    async run(target) {
      const seen = new Set<string>();
      return bothFormats(target, "urn:uuid:…, the same twice", ({ match: { address } }) => {
        seen.add(address);
        return (
          !(/^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(address) && seen.size === 1) &&
          address
        );
      });
    },
  },
  {
    id: "metadata-version",
    requirements: ["PCCRD-26", "WSD-25"],
    level: "MUST",
    title: "sets MetadataVersion to 1 in format 1.0 and to 2 in format 2.0",
    run: (target) =>
      bothFormats(
        target,
        "1, 2",
        ({ match }, version) => match.metadataVersion !== version && `${match.metadataVersion}`,
      ),
  },
  {
    id: "x-addrs",
    requirements: ["PCCRD-32", "PCCRD-33"],
    level: "MUST",
    title: "gives in XAddrs addresses and ports, without scheme and path, its own among them",
    run: (target) =>
      bothFormats(target, `${target.server.address}:port`, ({ match: { xAddrs = [] } }) => {
        const endpoints = xAddrs.map(parseEndpoint);
        const bare = target.server.address.split("%")[0];
        const good =
          !endpoints.includes(undefined) &&
          endpoints.some((endpoint) => endpoint?.address.split("%")[0] === bare);
        return !good && xAddrs.join(" ");
      }),
  },
  {
    id: "scopes-of-what-is-held",
    requirements: ["PCCRD-12", "PCCRD-15", "PCCRD-20", "WSD-33"],
    level: "MUST",
    title: "lists in format 1.0 the segments it holds, and no others of the probe",
    run(target) {
      const { id } = heldSegment(target);
      const ids = [target.random.bytes(32), id, target.random.bytes(32)];
      return answerFinding(
        target,
        probe(target.random, 1, ids),
        hexScopes([id]),
        ({ match: { scopes = [] } }) => {
          return scopes.join(" ") !== hexScopes([id]) && `scopes ${scopes.join(" ")}`;
        },
      );
    },
  },
  {
    id: "echoes-scope-text",
    requirements: ["PCCRD-14", "WSD-36"],
    level: "MUST",
    title: "says nothing to a probe in lower-case digits, or gives the scope back as the probe wrote it",
    async run(target) {
      const text = hexScopes([heldSegment(target).id]).toLowerCase();
      const sent = probe(target.random, 1, [], { scopes: text });
      const answer = await ask({ ...target, timeoutMs: target.quietMs ?? 300 }, sent);
      if (answer === "no answer") {
        // Only a target that is there may be silent.
        const upper = probe(target.random, 1, [heldSegment(target).id]);
        return answerFinding(target, upper, "a match of the same segment in upper case", () => undefined);
      }
      const scopes = typeof answer === "string" ? answer : (answer.match.scopes ?? []).join(" ");
      return finding(scopes === text, text, scopes, "nothing, or the same text");
    },
  },
  {
    id: "block-count",
    requirements: ["PCCRD-4", "PCCRD-34", "PCCRD-35", "PCCRD-64"],
    level: "MUST",
    title: "counts in BlockCount the blocks it holds, eight digits a segment",
    run(target) {
      const segment = heldSegment(target);
      const count = Math.ceil(segment.lengthBytes / segment.blockSizeBytes);
      const expected = count.toString(16).toUpperCase().padStart(8, "0");
      return answerFinding(target, probe(target.random, 1, [segment.id]), expected, ({ match }) => {
        const given = extensionText(match, "BlockCount");
        return given?.toUpperCase() !== expected && `BlockCount ${given}`;
      });
    },
  },
  {
    id: "bits-of-what-is-held",
    requirements: ["PCCRD-21", "PCCRD-22", "PCCRD-23"],
    level: "MUST",
    title:
      "sends in format 2.0 two bits a segment in the order of the probe: 11 for what it holds, 00 for the rest",
    run(target) {
      const { id } = heldSegment(target);
      const ids = [target.random.bytes(32), id, ...Array.from({ length: 3 }, () => target.random.bytes(32))];
      return answerFinding(
        target,
        probe(target.random, 2, ids),
        "0011000000, padded with zeros",
        ({ match }) => {
          return bitsOf(match.scopes) !== "0011000000000000" && `bits ${bitsOf(match.scopes)}`;
        },
      );
    },
  },
  {
    id: "segment-age-blob",
    requirements: ["PCCRD-36"],
    level: "MUST",
    title: "sends in format 2.0 SegmentAges: version 1, unit 1 to 4, one entry for each segment held",
    run(target) {
      const ids = [target.random.bytes(32), heldSegment(target).id];
      return answerFinding(
        target,
        probe(target.random, 2, ids),
        "0001, a unit, 01, index 01, an age",
        ({ match }) => {
          const blob = toHex(Buffer.from(extensionText(match, "SegmentAges") ?? "", "base64"));
          return !/^00010[1-4]0101[0-9a-f]{6}$/.test(blob) && `SegmentAges ${blob}`;
        },
      );
    },
  },
  {
    id: "literal-tags",
    requirements: ["PCCRD-3"],
    level: "SHOULD",
    title:
      "writes the tags that clients look for as text, as iPXE does: wsd: and PeerDist:, without attributes",
    run: (target) =>
      answerFinding(target, probe(target.random, 1, [heldSegment(target).id]), "these tags", ({ text }) => {
        const missing = ["<wsd:Scopes>", "<wsd:XAddrs>", "<PeerDist:BlockCount>"].filter(
          (tag) => !text.includes(tag),
        );
        return missing.length > 0 && `no ${missing.join(" ")}`;
      }),
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
      let found = skipped("no format");
      for (const version of CONTENT_VERSIONS) {
        const types = `\n PeerDist:${TYPE_NAME[version]}\t`;
        const sent = probe(target.random, version, [id], { scopes: scopes[version], types });
        found = await answerFinding(target, sent, "a match", () => undefined);
        if (found.outcome !== "pass") break;
      }
      return found;
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
      // The road takes its time as well, and a busy machine takes more: the quickest of three tells.
      const quickest = Math.min(...times);
      const text = times.map((ms) => `${ms.toFixed(0)} ms`).join(", ");
      return finding(quickest <= backoffMs + ROAD_MS, "three probes", text || "no answer", `${backoffMs} ms`);
    },
  },
];

const ROAD_MS = 50;
/** The first repeats of SOAP over UDP, at its shortest delays. */
const COPIES_AT_MS = [50, 150];
