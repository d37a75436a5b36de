/** How a client asks the link. [MS-PCCRD] 2.2, 3.1 */
import { equalBytes, toHex } from "@branchcache/runtime";
import { DISCOVERY_PORT } from "dgram-ws-discovery";
import { finding, skipped } from "../../kit/check.ts";
import { MATCH_BY, PEERDIST_NAMESPACE, TYPE_NAME } from "../../kit/discovery-names.ts";
import {
  CONTENT_VERSIONS,
  type ContentVersion,
  MANY_SEGMENTS_BYTES,
  segmentById,
} from "../../stage/content.ts";
import type { SeenProbe } from "../../stage/probe.ts";
import type { Played } from "../../stage/stage.ts";
import type { ClientCheck } from "../../stage/target.ts";

/** A probe as reports show it. */
function probeText({ datagram }: SeenProbe): string {
  const text = new TextDecoder().decode(datagram);
  return text.length > 1_200 ? `${text.slice(0, 1_200)}…` : text;
}

/** A rule for every probe of the honest scenes of these versions. */
function everyProbe(
  check: Omit<ClientCheck, "run">,
  expected: string,
  broken: (probe: SeenProbe, played: Played) => string | undefined,
  versions: readonly ContentVersion[] = CONTENT_VERSIONS,
): ClientCheck {
  return {
    ...check,
    async run(target) {
      let looked = 0;
      for (const version of versions) {
        const played = await target.honest(version);
        for (const probe of played.probes) {
          looked++;
          const wrong = broken(probe, played);
          const sent = `Content Information ${version}.0`;
          if (wrong !== undefined) return finding(false, sent, `${wrong}: ${probeText(probe)}`, expected);
        }
      }
      if (looked === 0) return skipped("no such probe came");
      return finding(true, "content that a peer has", `${looked} probes`, expected);
    },
  };
}

/** Probes have the format of the content's version; a client that offers version 1.0 alone to the origin uses that. */
function formatOf(version: ContentVersion, check: Omit<ClientCheck, "run">): ClientCheck {
  const type = `PeerDist:${TYPE_NAME[version]}`;
  return everyProbe(
    check,
    `Types ${type}, MatchBy ${MATCH_BY[version]}`,
    ({ format, message }, { originRequests }) => {
      const told = originRequests[0]?.headers["x-p2p-peerdistex"] ?? "";
      const wanted = version === 2 && !told.includes("MaxContentInformation=2.0") ? 1 : version;
      if (format !== wanted) return `format ${format ?? "unknown"}`;
      return message.probe.matchBy === MATCH_BY[wanted] ? undefined : `MatchBy ${message.probe.matchBy}`;
    },
    [version],
  );
}

const text = (probe: SeenProbe) => new TextDecoder("utf-8", { fatal: true }).decode(probe.datagram);

export const probeChecks: readonly ClientCheck[] = [
  formatOf(1, {
    id: "format-v1",
    requirements: ["PCCRD-5", "PCCRD-9", "PCCRD-12", "PCCRD-13"],
    level: "MUST",
    title: "asks for segments of version 1.0 in the format of version 1.0",
  }),
  formatOf(2, {
    id: "format-v2",
    requirements: ["PCCRD-5", "PCCRD-9", "PCCRD-16", "PCCRD-17"],
    level: "MUST",
    title: "asks for segments of version 2.0 in the format of version 2.0",
  }),
  everyProbe(
    {
      id: "carrier",
      requirements: ["PCCRD-1", "WSD-2", "WSD-9"],
      level: "MUST",
      title: "sends WS-Discovery 2005/04, one envelope in a datagram, with Action and MessageID",
    },
    "a Probe of 2005/04",
    ({ message }) => (message.version === "2005/04" ? undefined : `version ${message.version}`),
  ),
  everyProbe(
    {
      id: "multicast-urn",
      requirements: ["WSD-14"],
      level: "MUST",
      title: "names the multicast URN in To",
    },
    "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
    ({ message }) =>
      message.to === "urn:schemas-xmlsoap-org:ws:2005:04:discovery" ? undefined : `To ${message.to}`,
  ),
  everyProbe(
    {
      id: "soap-and-utf-8",
      requirements: ["WSD-6", "WSD-8"],
      level: "SHOULD",
      title: "writes SOAP 1.2 in UTF-8",
    },
    "the namespace of SOAP 1.2, and UTF-8",
    (probe) => {
      try {
        return text(probe).includes("http://www.w3.org/2003/05/soap-envelope") ? undefined : "another SOAP";
      } catch {
        return "not UTF-8";
      }
    },
  ),
  everyProbe(
    {
      id: "namespace",
      requirements: ["PCCRD-2", "PCCRD-9", "PCCRD-10"],
      level: "MUST",
      title: "names its type in the namespace of the framework",
    },
    PEERDIST_NAMESPACE,
    ({ message }) =>
      message.probe.types?.some(({ uri }) => uri === PEERDIST_NAMESPACE) ? undefined : "no such type",
  ),
  everyProbe(
    {
      id: "prefixes",
      requirements: ["PCCRD-3"],
      level: "SHOULD",
      title: "writes the prefixes soap, wsa, wsd and PeerDist, which some peers look for",
    },
    "these four prefixes",
    (probe) =>
      ["<soap:Envelope", "<wsa:Action", "<wsd:Probe", "PeerDist:PeerDistData"].every((part) =>
        text(probe).includes(part),
      )
        ? undefined
        : "other prefixes",
  ),
  everyProbe(
    {
      id: "segments-of-content",
      requirements: ["PCCRD-11", "PCCRD-38"],
      level: "MUST",
      title: "asks for segments of the content, each once",
    },
    "identifiers of the Content Information",
    ({ ids }, { content }) => {
      if (ids.length === 0) return "no identifiers that can be read";
      const unknown = ids.filter((id) => !segmentById(content, id)).map(toHex);
      if (unknown.length > 0) return `segment ${unknown[0]}`;
      return new Set(ids.map(toHex)).size === ids.length ? undefined : "the same segment twice";
    },
  ),
  everyProbe(
    {
      id: "upper-case-digits",
      requirements: ["PCCRD-15"],
      level: "SHOULD",
      title: "writes hexadecimal digits in upper case",
    },
    "upper case",
    ({ format, message }) =>
      format === 1 && message.probe.scopes?.some((scope) => scope !== scope.toUpperCase())
        ? "lower case"
        : undefined,
  ),
  everyProbe(
    {
      id: "count-of-segments",
      requirements: ["PCCRD-4", "PCCRD-16", "PCCRD-18"],
      level: "MUST",
      title: "packs 1 to 255 identifiers of one size, size first and big-endian",
    },
    "SegmentHashSize, SegmentHashCount, and as many identifiers",
    ({ format, ids }) =>
      format === 2 && (ids.length < 1 || ids.length > 255) ? `${ids.length} identifiers` : undefined,
    [2],
  ),
  everyProbe(
    {
      id: "own-port",
      requirements: ["WSD-72"],
      level: "MUST",
      title: "asks from a port of its own, where answers reach it",
    },
    `any port but ${DISCOVERY_PORT}`,
    ({ from }) => (from.port === DISCOVERY_PORT ? `from port ${from.port}` : undefined),
  ),
  {
    id: "message-ids",
    requirements: ["WSD-10"],
    level: "MUST",
    title: "gives each probe a MessageID of its own, an absolute URI",
    async run(target) {
      const first = await target.honest(1);
      const second = await target.honest(2);
      const ids = [...new Set(first.probes.map(({ message }) => message.messageId))];
      if (ids.length === 0) return skipped("no probe came");
      const twice = second.probes.some(({ message }) => ids.includes(message.messageId));
      const relative = ids.find((id) => !/^[a-z][a-z0-9+.-]*:./i.test(id));
      const received = twice ? "the MessageID of another probe" : (relative ?? ids.join(", "));
      return finding(!twice && relative === undefined, "two contents", received, "urn:uuid: and a new UUID");
    },
  },
  {
    id: "repeats",
    requirements: ["WSD-3", "WSD-11", "WSD-12", "WSD-67"],
    level: "MUST",
    title: "repeats a probe that nobody answers, byte for byte",
    async run({ stage }) {
      const played = await stage.play({ peers: [], answers: () => [] });
      const [first] = played.probes;
      if (!first) return skipped("no probe came");
      const copies = played.probes.filter(({ message }) => message.messageId === first.message.messageId);
      const changed = copies.some(({ datagram }) => !equalBytes(datagram, first.datagram));
      return finding(
        copies.length > 1 && !changed,
        "no answer",
        changed ? "copies that differ" : `${copies.length} copies`,
        "the same bytes once more at least",
      );
    },
  },
  {
    id: "asks-once",
    requirements: ["PCCRD-42", "PCCRD-73"],
    level: "MUST",
    title: "does not ask again for 15 s about a segment that nobody has",
    async run({ stage }) {
      const { probes } = await stage.play({ peers: [], answers: () => [] });
      if (probes.length === 0) return skipped("no probe came");
      // Copies of a probe have its MessageID.
      const questions = new Map<string, Set<string>>();
      for (const { format, ids, message } of probes) {
        for (const id of ids) {
          const key = `${format} ${toHex(id)}`;
          questions.set(key, (questions.get(key) ?? new Set()).add(message.messageId));
        }
      }
      const most = Math.max(...[...questions.values()].map(({ size }) => size));
      return finding(
        most === 1,
        "no answer",
        `${most} probes about one segment`,
        "one probe, and its copies",
      );
    },
  },
  {
    id: "probe-rate",
    requirements: ["PCCRD-72"],
    level: "MUST",
    title: "sends at most 100 probes in a second",
    async run({ stage }) {
      const lengthBytes = MANY_SEGMENTS_BYTES;
      const { probes } = await stage.play({ version: 2, lengthBytes, peers: [], answers: () => [] });
      if (probes.length === 0) return skipped("no probe came");
      const first = new Map<string, number>();
      for (const { atMs, message } of probes) {
        if (!first.has(message.messageId)) first.set(message.messageId, atMs);
      }
      const times = [...first.values()].sort((a, b) => a - b);
      const most = Math.max(...times.map((at) => times.filter((t) => t >= at && t < at + 1_000).length));
      return finding(
        most <= 100,
        "content of more than 128 segments that nobody has",
        `${most} probes in a second`,
        "at most 100",
      );
    },
  },
];
