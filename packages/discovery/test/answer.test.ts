import type { Endpoint } from "@branchcache/runtime";
import {
  type DiscoveryMessage,
  type Probe,
  readMessage,
  type ServiceDescription,
  writeMessage,
} from "dgram-ws-discovery";
import { describe, expect, it } from "vitest";
import onvif from "../../dgram-ws-discovery/test/vectors/onvif-probes.json" with { type: "json" };
import { PEERDIST, PREFIXES } from "../src/formats.ts";
import { readCountedMatch } from "../src/messages/match.ts";
import { peerProbe } from "../src/messages/probe.ts";
import { A, B, C, gather, HandCache, type Site, sha256, siteForEach, utf8 } from "./support.ts";

let here: Site;
siteForEach((fresh) => {
  here = fresh;
});

const GROUP = { address: "239.255.255.250", port: 3702 };

/** What a camera finder asks for, as it was caught. */
function cameras(name: keyof typeof onvif.probes): Probe {
  const message = readMessage(utf8(onvif.probes[name]));
  if (message.kind !== "Probe") throw new Error("no probe");
  return message.probe;
}

/** A client by hand: what comes back, each message once, with the time. */
async function client(address = "192.0.2.1") {
  const heard = new Map<string, { readonly atMs: number; readonly message: DiscoveryMessage }>();
  let datagrams = 0;
  const family = address.includes(":") ? 6 : 4;
  const port = here.lan.host(`${address}/${family === 4 ? 24 : 64}`);
  const socket = await port.open({ family, address }, (bytes) => {
    const message = readMessage(bytes);
    datagrams++;
    if (!heard.has(message.messageId)) {
      heard.set(message.messageId, { atMs: here.clock.monotonicMs(), message });
    }
  });
  let count = 0;
  const ask = async (probe: Probe, to: Endpoint = GROUP) => {
    const messageId = `urn:client:${address}:${count++}`;
    const message = { version: "2005/04", kind: "Probe", messageId, probe } as const;
    await socket.send(writeMessage(message, { prefixes: PREFIXES }), to);
    return messageId;
  };
  const matches = (): ServiceDescription[] =>
    [...heard.values()].flatMap(({ message }) => (message.kind === "ProbeMatches" ? message.matches : []));
  return { heard, ask, matches, socket, datagrams: () => datagrams };
}

describe.each([1, 2] as const)("version %s", (version) => {
  const probe = (...ids: Uint8Array[]) => peerProbe(version, ids);

  it("PCCRD-8 PCCRD-65 D-15 answers in the format of the probe, to its very socket", async () => {
    const serving = await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
    const { ask, heard, matches } = await client();
    const relatesTo = await ask(probe(A));
    await here.clock.advance(1_000);
    expect(matches()).toMatchObject([
      {
        address: serving.discovery.endpointId,
        types: [{ local: version === 1 ? "PeerDistData" : "PeerDistDataV2" }],
        xAddrs: ["192.0.2.2:8080"],
        metadataVersion: version,
      },
    ]);
    expect([...heard.values()][0]?.message).toMatchObject({
      relatesTo,
      appSequence: { instanceId: Math.floor(here.clock.wallMs() / 1_000) - 1, messageNumber: 1 },
    });
  });

  it("PCCRD-61 PCCRD-62 D-18 waits a random time from 1 to 65 ms", async () => {
    await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
    const { ask, heard } = await client();
    for (let i = 0; i < 60; i++) await ask(probe(A));
    await here.clock.advance(1_000);
    const times = [...heard.values()].map(({ atMs }) => atMs);
    expect(times).toHaveLength(60);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...times)).toBeLessThanOrEqual(65);
    expect(new Set(times).size).toBeGreaterThan(20);
  });

  it("PCCRD-62 waits as long as it is told to", async () => {
    await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1), backoffMs: 0 });
    const { ask, heard } = await client();
    for (let i = 0; i < 10; i++) await ask(probe(A));
    await here.clock.advance(1_000);
    expect(new Set([...heard.values()].map(({ atMs }) => atMs))).toEqual(new Set([1]));
  });

  it("PCCRD-30 PCCRD-31 numbers its answers from 1", async () => {
    await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
    const { ask, heard } = await client();
    for (let i = 0; i < 5; i++) await ask(probe(A));
    await here.clock.advance(1_000);
    const numbers = [...heard.values()].map(
      ({ message }) => "appSequence" in message && message.appSequence?.messageNumber,
    );
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
  });

  it("PCCRD-59 PCCRD-60 answers if it holds one of many, and not if it holds none", async () => {
    await here.host("192.0.2.2/24", { cache: new HandCache().add(B, 1) });
    const { ask, matches } = await client();
    await ask(probe(A, C));
    await here.clock.advance(1_000);
    expect(matches()).toEqual([]);
    await ask(probe(A, B, C));
    await here.clock.advance(1_000);
    expect(matches()).toHaveLength(1);
  });

  it.each([
    ["the first is held", [A, B], [1, 3]],
    ["only the last is", [C], [1, 2, 3]],
    ["none is", [], [1, 2]],
  ])(
    "PCCRD-59 PCCRD-60 asks the cache no further than to the first that it tells of: %s",
    async (_, held, asked) => {
      const cache = new HandCache();
      for (const id of held) cache.add(id, 1);
      const counts: number[] = [];
      const { holds } = cache;
      cache.holds = (ids) => {
        counts.push(ids.length);
        return holds.call(cache, ids);
      };
      await here.host("192.0.2.2/24", { cache });
      const { ask, matches } = await client();
      await ask(probe(A, B, C));
      await here.clock.advance(1_000);
      expect(counts).toEqual(asked);
      expect(matches()).toHaveLength(held.length > 0 ? 1 : 0);
    },
  );

  it("PCCRD-54 PCCRD-56 PCCRD-64 PCCRD-69 asks the cache again when the wait is over", async () => {
    const cache = new HandCache().add(A, 1).add(B, 5, 9);
    await here.host("192.0.2.2/24", { cache });
    const { ask, matches } = await client();
    await ask(probe(A, B));
    await here.clock.advance(0);
    cache.segments.clear();
    cache.add(B, 6, 9);
    await here.clock.advance(1_000);
    expect(matches()).toHaveLength(1);
    if (version === 1) {
      expect(readCountedMatch(matches()[0] as ServiceDescription)).toEqual([{ id: B, heldBlocks: 6 }]);
    }
    await ask(probe(B));
    await here.clock.advance(0);
    cache.segments.clear();
    await here.clock.advance(1_000);
    expect(matches()).toHaveLength(1);
  });

  it("PCCRD-69 D-10 gives the address on the prober's own link", async () => {
    await here.host(["192.0.2.2/24", "198.51.100.2/24", "fe80::2%eth0/64"], {
      cache: new HandCache().add(A, 1),
    });
    for (const [address, expected] of [
      ["192.0.2.1", "192.0.2.2:8080"],
      ["198.51.100.1", "198.51.100.2:8080"],
      ["fe80::1%eth0", "[fe80::2]:8080"],
    ] as const) {
      const { ask, matches } = await client(address);
      await ask(probe(A), address.includes(":") ? { address: "ff02::c%eth0", port: 3702 } : GROUP);
      await here.clock.advance(1_000);
      expect(matches().map(({ xAddrs }) => xAddrs)).toEqual([[expected]]);
    }
  });

  it("PCCRD-44 W-15 answers nobody off the link", async () => {
    const { observer } = await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
    const { ask, matches } = await client("198.51.100.1");
    await ask(probe(A));
    await here.clock.advance(1_000);
    expect(matches()).toEqual([]);
    expect(observer.total("datagrams_dropped_total", { reason: "off_link" })).toBe(1);
  });

  it.each([
    ["192.0.2.2", "192.0.2.1", 24, GROUP],
    ["fe80::2%eth0", "fe80::1%eth0", 64, { address: "ff02::c%eth0", port: 3702 }],
  ])("tells of who else asks for which segments, found or not: %s", async (ours, theirs, bits, group) => {
    const told: [string, number][] = [];
    await here.host(`${ours}/${bits}`, {
      serve: {
        held: new HandCache(),
        retrievalPort: 80,
        onProbe: (ids, from) => told.push([from, ids.length]),
      },
    });
    const own = await client(ours);
    await own.ask(probe(C), group);
    const other = await client(theirs);
    await other.ask(probe(A, B), group);
    await here.clock.advance(1_000);
    expect(told).toEqual([[theirs, 2]]);
  });

  it("PCCRD-70 is silent on battery", async () => {
    let onBattery = true;
    const cache = new HandCache().add(A, 1);
    const { observer } = await here.host("192.0.2.2/24", {
      serve: { held: cache, retrievalPort: 80, onBattery: () => onBattery },
    });
    const { ask, matches } = await client();
    await ask(probe(A));
    await here.clock.advance(1_000);
    expect(matches()).toEqual([]);
    expect(observer.total("probe_answers_total", { decision: "battery" })).toBe(1);
    onBattery = false;
    await ask(probe(A));
    await here.clock.advance(1_000);
    expect(matches()).toHaveLength(1);
  });

  it("PCCRD-70 a client alone answers nothing", async () => {
    await here.host("192.0.2.2/24");
    const { ask, matches } = await client();
    await ask(probe(A));
    await here.clock.advance(1_000);
    expect(matches()).toEqual([]);
  });

  it("W-15 answers so many a second to one source, and others still", async () => {
    const { observer } = await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
    const flood = await client();
    const other = await client("192.0.2.3");
    for (let i = 0; i < 150; i++) await flood.ask(probe(A));
    await other.ask(probe(A));
    await here.clock.advance(1_000);
    expect([flood.matches().length, other.matches().length]).toEqual([100, 1]);
    expect(observer.total("probe_answers_total", { decision: "limit" })).toBe(50);
    expect(observer.total("probe_answers_total", { decision: "answered" })).toBe(101);
  });

  it("PCCRD-66 PCCRD-67 is silent about what enough others had when it looked for it itself", async () => {
    const cache = new HandCache();
    const late = await here.host("192.0.2.2/24", { cache, republishQuorum: 3 });
    for (let i = 0; i < 3; i++) {
      await here.host(`192.0.2.${10 + i}/24`, { cache: new HandCache().add(A, 512).add(B, 512) });
    }
    await here.host("192.0.2.20/24", { cache: new HandCache().add(C, 512) });
    const { done } = gather(late.discovery.find([A, B, C], { version }));
    await here.clock.advance(300);
    await done;
    cache.add(A, 512).add(B, 512).add(C, 512);
    const { ask, matches } = await client();
    const own = () => matches().filter(({ address }) => address === late.discovery.endpointId);
    await ask(probe(A, B));
    await here.clock.advance(1_000);
    expect(own()).toEqual([]);
    expect(late.observer.total("probe_answers_total", { decision: "quorum" })).toBe(1);
    expect(late.observer.total("discoveries_total", { direction: "received", result: "suppressed" })).toBe(1);
    await ask(probe(A, C));
    await here.clock.advance(1_000);
    expect(own()).toHaveLength(1);
    if (version === 1) expect(readCountedMatch(own()[0] as ServiceDescription)).toMatchObject([{ id: C }]);
    await here.clock.advance(3_600_000);
    await ask(probe(A));
    await here.clock.advance(1_000);
    expect(own()).toHaveLength(2);
  });

  it("W-15 an answer is never more than a small multiple of its probe, nor sent more than twice", async () => {
    const ids = Array.from({ length: 200 }, (_, i) => sha256(`${i}`));
    const cache = new HandCache();
    for (const id of ids) cache.add(id, 1);
    await here.host("192.0.2.2/24", { cache });
    const { ask } = await client();
    for (const count of [1, 10, 200]) {
      const before = here.lan.sent.length;
      await ask(probe(...ids.slice(0, count)));
      await here.clock.advance(1_000);
      const [asked, ...answers] = here.lan.sent.slice(before).map(({ bytes }) => bytes.length);
      expect(answers.length).toBeLessThanOrEqual(2);
      expect(Math.max(...answers)).toBeLessThan(2 * (asked ?? 0));
    }
  });
});

it("W-15 the shortest of probes gets no more than six times its bytes, repeats and all", async () => {
  const cache = new HandCache().add(A, 1);
  await here.host("192.0.2.2/24", { cache });
  const { socket } = await client();
  const { scopes, matchBy } = peerProbe(1, [A]);
  const wsd = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
  const shortest = utf8(
    `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns="${wsd}" xmlns:p="${PEERDIST}"><e:Header><a:Action>${wsd}/Probe</a:Action><a:MessageID>1</a:MessageID></e:Header><e:Body><Probe><Types>p:PeerDistData</Types><Scopes MatchBy="${matchBy}">${scopes}</Scopes></Probe></e:Body></e:Envelope>`,
  );
  await socket.send(shortest, GROUP);
  await here.clock.advance(1_000);
  const answers = here.lan.sent.slice(1).map(({ bytes }) => bytes.length);
  expect(answers).toHaveLength(2);
  expect(answers.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(6 * shortest.length);
});

describe("what is not for us", () => {
  it.each([
    ["PCCRD-53 a probe for printers", { types: [{ uri: "urn:x", local: "Printer" }] }, 0],
    ["PCCRD-53 a probe for anything", {}, 0],
    ["PCCRD-53 the probe of the npm package onvif", cameras("onvif"), 0],
    ["PCCRD-53 the probe of the npm package node-onvif", cameras("node-onvif"), 0],
    ["PCCRD-17 another rule", { ...peerProbe(1, [A]), matchBy: "urn:rule" }, 0],
    ["PCCRD-58 no scopes", { ...peerProbe(1, [A]), scopes: [] }, 1],
    ["PCCRD-52 PCCRD-58 scopes that are no hexadecimal", { ...peerProbe(1, [A]), scopes: ["x"] }, 1],
    ["PCCRD-19 a binary scope that is too short", { ...peerProbe(2, [A]), scopes: ["AAAA"] }, 1],
  ])("%s is not answered, and the cache is not asked", async (_, probe, malformed) => {
    const cache = new HandCache().add(A, 1);
    const { observer } = await here.host("192.0.2.2/24", { cache });
    const { ask, matches } = await client();
    await ask(probe);
    await here.clock.advance(1_000);
    expect(matches()).toEqual([]);
    expect(cache.asked).toBe(0);
    expect(observer.total("datagrams_dropped_total", { reason: "malformed" })).toBe(malformed);
  });

  it("PCCRD-52 hostile bytes are counted and dropped", async () => {
    const { observer } = await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
    const { socket, datagrams } = await client();
    for (const bytes of [new Uint8Array(0), utf8("<!DOCTYPE x>"), new Uint8Array(40_000).fill(60)]) {
      await socket.send(bytes, GROUP);
    }
    await here.clock.advance(1_000);
    expect(datagrams()).toBe(0);
    expect(observer.total("datagrams_dropped_total", { reason: "malformed" })).toBe(3);
  });
});

it("a cache that fails is reported, and nothing is answered", async () => {
  const { observer } = await here.host("192.0.2.2/24", {
    serve: { retrievalPort: 80, held: { holds: () => Promise.reject(new Error("disk")) } },
  });
  const { ask, matches } = await client();
  await ask(peerProbe(1, [A]));
  await here.clock.advance(1_000);
  expect(matches()).toEqual([]);
  expect(observer.named("discovery.failed")).toMatchObject([
    { fields: { code: "WSD_HANDLER", message: "disk" } },
  ]);
});

it.each([
  ["EADDRINUSE", "listen.port_in_use"],
  ["EACCES", "listen.no_permission"],
  ["ENETUNREACH", "discovery.failed"],
])("%s on the only interface is told as %s", async (code, event) => {
  const port = here.lan.host("192.0.2.2/24");
  const { observer } = await here.host("192.0.2.2/24", {
    cache: new HandCache(),
    udp: {
      interfaces: () => port.interfaces(),
      open: (options, onDatagram) =>
        options.shared
          ? Promise.reject(Object.assign(new Error(`bind ${code}`), { code }))
          : port.open(options, onDatagram),
    },
  });
  expect(observer.events.map(({ name }) => name)).toEqual([event]);
});
