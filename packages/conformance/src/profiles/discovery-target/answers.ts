/** What a ProbeMatches has to say. [MS-PCCRD] 2.2, 3.2.4.1; WS-Discovery 5.3 */
import { parseEndpoint, toHex, withoutZone } from "@branchcache/runtime";
import { type Finding, finding, firstFault } from "../../kit/check.ts";
import { PEERDIST_NAMESPACE, TYPE_NAME } from "../../kit/discovery-names.ts";
import { CONTENT_VERSIONS } from "../../stage/content.ts";
import { hexScopes, probe } from "./probes.ts";
import {
  type Answer,
  answerFinding,
  ask,
  type DiscoveryCheck,
  type DiscoveryTarget,
  extensionText,
  heldSegment,
  QUIET_MS,
} from "./target.ts";

const ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const PROBE_MATCHES = "http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches";

/** Asks in both formats, and holds that `fault` finds nothing wrong with either answer. */
function bothFormats(
  target: DiscoveryTarget,
  expected: string,
  fault: (answer: Answer, version: 1 | 2, messageId: string) => string | false | undefined,
): Promise<Finding> {
  return firstFault(CONTENT_VERSIONS, (version) => {
    const sent = probe(target.random, version, [heldSegment(target).id]);
    return answerFinding(target, sent, expected, (answer) => fault(answer, version, sent.messageId));
  });
}

/** The bits of a format 2.0 answer as digits, two for each segment. [MS-PCCRD] 2.2.3.3 */
const bitsOf = (scopes: readonly string[] = []): string =>
  [...Buffer.from(scopes.join(""), "base64")].map((byte) => byte.toString(2).padStart(8, "0")).join("");

export const answerChecks: readonly DiscoveryCheck[] = [
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
        const own = withoutZone(target.server.address);
        const good =
          !endpoints.includes(undefined) &&
          endpoints.some((endpoint) => endpoint && withoutZone(endpoint.address) === own);
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
      const answer = await ask({ ...target, timeoutMs: target.quietMs ?? QUIET_MS }, sent);
      if (answer === "no answer") {
        // Silence counts only of a target that still answers.
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
];
