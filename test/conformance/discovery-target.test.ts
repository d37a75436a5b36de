/** The profile of whoever answers probes: our node passes it whole, and with a fault fails where it should. */
import { type DiscoveryTarget, discoveryTarget, type Report } from "@branchcache/conformance";
import { publishBytes, ServerSecret, segmentsOf } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { startPeerDiscovery } from "@branchcache/discovery";
import { type Clock, type Endpoint, equalBytes, type Random, type UdpPort } from "@branchcache/runtime";
import { manualClock, seededRandom, simulatedLan } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { failedIds, run } from "./support/outcomes.ts";

interface Fault {
  /** What our node hears instead; undefined: nothing. */
  heard?(text: string): string | undefined;
  /** What leaves instead, after so long; undefined: nothing. */
  said?(text: string): string | undefined;
  readonly delayMs?: number;
}

const segments = (() => {
  const { v1 } = publishBytes(seededRandom(31).bytes(3 * 65_536 + 1), {
    engine: nodeHashEngine,
    versions: [1],
  });
  if (!v1) throw new Error("nothing was published");
  return segmentsOf(v1, ServerSecret.fromPassphrase("test"), nodeHashEngine);
})();

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The network as our node sees it, with the fault on the way. */
function faultyPort(udp: UdpPort, clock: Clock, { delayMs = 0, heard, said }: Fault): UdpPort {
  return {
    interfaces: () => udp.interfaces(),
    async open(options, onDatagram) {
      const socket = await udp.open(options, (bytes, from) => {
        const text = heard ? heard(textOf(bytes)) : undefined;
        if (!heard) onDatagram(bytes, from);
        else if (text !== undefined) onDatagram(bytesOf(text), from);
      });
      return {
        local: socket.local,
        close: () => socket.close(),
        async send(bytes, to) {
          const copy = bytes.slice();
          const text = said ? said(textOf(copy)) : undefined;
          if (said && text === undefined) return;
          if (delayMs > 0) await clock.sleep(delayMs);
          await socket.send(text === undefined ? copy : bytesOf(text), to);
        },
      };
    },
  };
}

interface Place {
  readonly clock: Clock;
  readonly random: Random;
  /** The node's UDP, its address there and its port. */
  readonly udp: UdpPort;
  readonly server: Endpoint;
  /** The prober's. */
  readonly prober: { readonly udp: UdpPort; readonly address: string };
}

async function node({ clock, prober, random, server, udp }: Place, fault: Fault = {}) {
  const held = { heldBlocks: 4, totalBlocks: 4, createdMs: clock.wallMs() - 60_000 };
  const discovery = await startPeerDiscovery({
    clock,
    random,
    udp: faultyPort(udp, clock, fault),
    interfaces: [server.address],
    port: server.port,
    backoffMs: 5,
    serve: {
      retrievalPort: 8_080,
      held: {
        holds: async (ids) =>
          ids.map((id) => (segments.some((one) => equalBytes(one.id, id)) ? held : undefined)),
      },
    },
  });
  const target: DiscoveryTarget = {
    server,
    interface: prober.address,
    udp: prober.udp,
    segments,
    random: seededRandom(1),
    clock,
    quietMs: 40,
    timeoutMs: 5_000,
  };
  return { target, [Symbol.asyncDispose]: () => discovery.close() };
}

/**
 * A node with a fault and a prober on a link in memory, and what the profile finds there: no time passes. Over real
 * sockets `command-targets.slow.test.ts` and `self.mjs` run it.
 */
async function reportOn(fault: Fault): Promise<Report> {
  const clock = manualClock();
  const lan = simulatedLan({ clock });
  await using own = await node(
    {
      clock,
      random: seededRandom(2),
      udp: lan.host("192.0.2.1/24"),
      server: { address: "192.0.2.1", port: 3_702 },
      prober: { udp: lan.host("192.0.2.9/24"), address: "192.0.2.9" },
    },
    fault,
  );
  let over = false;
  const report = run(discoveryTarget, own.target).finally(() => {
    over = true;
  });
  report.catch(() => {});
  while (!over) await clock.advance(clock.nextInMs ?? 0);
  return report;
}

describe("our node", () => {
  it("passes the whole profile", async () => {
    const report = await reportOn({});
    expect(report.results.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
    expect(report.results.length).toBeGreaterThan(34);
  });
});

const says = (from: RegExp | string, to: string | ((...match: string[]) => string)): Fault => ({
  said: (text) => text.replace(from, to as string),
});
const hears = (from: RegExp | string, to: string | ((...match: string[]) => string)): Fault => ({
  heard: (text) => text.replace(from, to as string),
});
let counter = 100;

/** Every copy of a probe looks new to the node: its MessageID is changed on the way in, and back on the way out. */
function answersEachCopy(): Fault {
  const originals = new Map<string, string>();
  let copies = 0;
  return {
    heard: (text) =>
      text.replace(/urn:uuid:[0-9a-f-]{36}(?=<\/\w+:MessageID>)/, (original) => {
        const fresh = `urn:uuid:00000000-0000-4000-8000-${String(++copies).padStart(12, "0")}`;
        originals.set(fresh, original);
        return fresh;
      }),
    said: (text) => text.replace(/urn:uuid:00000000-[0-9a-f-]{27}/, (fresh) => originals.get(fresh) ?? fresh),
  };
}

const MUTANTS: readonly (readonly [name: string, fault: Fault, caughtBy: readonly string[]])[] = [
  ["answers format 2.0 in format 1.0", says("PeerDistDataV2<", "PeerDistData<"), ["probe-2.0", "types"]],
  ["names another message in RelatesTo", says(/(RelatesTo>urn:uuid:)..../, "$10000"), ["relates-to"]],
  ["sends an answer to another address", says("role/anonymous", "role/another"), ["addressing"]],
  [
    "keeps one MessageID",
    says(/MessageID>[^<]+</, "MessageID>urn:uuid:00000000-0000-4000-8000-000000000000<"),
    ["message-id"],
  ],
  ["answers each copy of a probe", answersEachCopy(), ["repeated-probe"]],
  ["does not raise MessageNumber", says(/MessageNumber="\d+"/, 'MessageNumber="7"'), ["app-sequence"]],
  ["changes InstanceId", says(/InstanceId="\d+"/, () => `InstanceId="${counter++}"`), ["app-sequence"]],
  ["leaves AppSequence out", says(/<wsd:AppSequence.*?(?:<\/wsd:AppSequence>|\/>)/, ""), ["app-sequence"]],
  [
    "makes a new Address for each answer",
    says(/Address>urn:uuid:......../, () => `Address>urn:uuid:${counter++}00000`),
    ["endpoint-address"],
  ],
  ["sends MetadataVersion 1 always", says(/MetadataVersion>2</, "MetadataVersion>1<"), ["metadata-version"]],
  ["writes XAddrs as URLs", says("XAddrs>192", "XAddrs>http://192"), ["x-addrs"]],
  ["counts blocks little-endian", says("BlockCount>00000004", "BlockCount>04000000"), ["block-count"]],
  ["counts blocks with 16 bits", says("BlockCount>00000004", "BlockCount>0004"), ["block-count"]],
  [
    "lists what it does not hold",
    says(/<wsd:Scopes>([0-9A-F]{64})</, (_, id) => `<wsd:Scopes>${id} ${"AB".repeat(32)}<`),
    ["scopes-of-what-is-held"],
  ],
  [
    "writes segments in lower case",
    says(/<wsd:Scopes>([0-9A-F]{64})</, (_, id = "") => `<wsd:Scopes>${id.toLowerCase()}<`),
    ["scopes-of-what-is-held"],
  ],
  [
    "writes what it heard in lower case in upper case",
    {
      said: (text) =>
        text.replace(/<wsd:Scopes>([0-9a-f]{64})</, (_, id) => `<wsd:Scopes>${id.toUpperCase()}<`),
    },
    ["echoes-scope-text"],
  ],
  ["packs bits from the lowest", says("<wsd:Scopes>MAA=<", "<wsd:Scopes>DAA=<"), ["bits-of-what-is-held"]],
  ["says that it has a part", says("<wsd:Scopes>MAA=<", "<wsd:Scopes>IAA=<"), ["bits-of-what-is-held"]],
  ["sends ages without their header", says(/SegmentAges>AAE/, "SegmentAges>AAA"), ["segment-age-blob"]],
  [
    "leaves SegmentAges out",
    says(/<PeerDist:SegmentAges>[^<]*<\/PeerDist:SegmentAges>/, ""),
    ["segment-age-blob"],
  ],
  [
    "chooses prefixes of its own",
    { said: (text) => text.replaceAll("wsd:", "d:").replace("xmlns:wsd", "xmlns:d") },
    ["literal-tags"],
  ],
  ["answers after twice the longest back-off", { delayMs: 130 }, ["back-off"]],
  [
    "knows one prefix alone",
    { heard: (text) => (text.includes("q:PeerDistData") ? undefined : text) },
    ["any-prefix"],
  ],
  [
    "minds elements that it does not know",
    { heard: (text) => (text.includes("u:More") ? undefined : text) },
    ["unknown-elements"],
  ],
  ["minds white space", { heard: (text) => (/>\s/.test(text) ? undefined : text) }, ["white-space"]],
  [
    "takes no notice of types",
    hears(/Types>[^<]*(?:Something|wsd:)[^<]*</, "Types>PeerDist:PeerDistData<"),
    ["other-types", "type-of-another-namespace", "types-beside-its-own"],
  ],
  [
    "answers probes without types",
    hears(/<wsd:Probe><wsd:Scopes/, "<wsd:Probe><wsd:Types>PeerDist:PeerDistData</wsd:Types><wsd:Scopes"),
    ["no-types"],
  ],
  [
    "takes no notice of MatchBy",
    {
      heard: (text) =>
        text.replace(
          /MatchBy="[^"]*"/,
          /DistDataV2\s*</.test(text)
            ? 'MatchBy="http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule"'
            : 'MatchBy="http://schemas.xmlsoap.org/ws/2005/04/discovery/strcmp0"',
        ),
    },
    ["unknown-match-by", "wrong-match-by-1.0", "wrong-match-by-2.0"],
  ],
  [
    "mends broken XML",
    {
      heard: (text) =>
        /<\/\w+:Envelope>$/.test(text) || !text.startsWith("<?xml")
          ? text
          : `${text.slice(0, text.indexOf("</wsd:Probe>"))}</wsd:Probe></soap:Body></soap:Envelope>`,
    },
    ["broken-xml"],
  ],
];

describe("a node that", () => {
  it.each(MUTANTS)("%s is caught", async (_, fault, caughtBy) => {
    expect(failedIds(await reportOn(fault))).toEqual([...caughtBy].sort());
  });

  it("is silent is unreachable, and passes nothing when it falls silent", async () => {
    await expect(reportOn({ said: () => undefined })).rejects.toMatchObject({
      code: "BC_CONFORMANCE_UNREACHABLE",
    });
    let answers = 0;
    const report = await reportOn({ said: (text) => (answers++ === 0 ? text : undefined) });
    expect(report.results.filter(({ outcome }) => outcome === "pass")).toEqual([]);
  });
});
