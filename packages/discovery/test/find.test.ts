import { type Endpoint, fromHex } from "@branchcache/runtime";
import { canonicalUri, readMessage, type ServiceDescription, writeMessage } from "dgram-ws-discovery";
import { describe, expect, it } from "vitest";
import { PREFIXES } from "../src/formats.ts";
import { readPeerProbe } from "../src/messages/probe.ts";
import { A, B, C, gather, HandCache, peerMatch, type Site, sha256, site, siteForEach } from "./support.ts";

let here: Site;
siteForEach((fresh) => {
  here = fresh;
});

const many = (count: number) => Array.from({ length: count }, (_, i) => sha256(`segment ${i}`));

/** The probes on the link, each copy once. */
function probes() {
  const seen = new Map<string, { readonly bytes: Uint8Array; readonly ids: readonly Uint8Array[] }>();
  for (const { bytes } of here.lan.sent) {
    const message = readMessage(bytes);
    if (message.kind !== "Probe") continue;
    const probe = readPeerProbe(message.probe);
    if (typeof probe !== "string") seen.set(message.messageId, { bytes, ids: probe.ids.slice() });
  }
  return [...seen.entries()].map(([messageId, probe]) => ({ messageId, ...probe }));
}

it("refuses a version that there is not, rather than fail when its probe is due", async () => {
  const { discovery } = await here.host("192.0.2.1/24");
  const { done, state } = gather(discovery.find([A], { version: 3 as 1 }));
  await done;
  expect(state.error).toMatchObject({
    code: "BC_INVALID_ARGUMENT",
    message: "version has to be one of 1, 2, not 3",
  });
});

/** A peer by hand: answers the last probe with whatever it is told to. */
async function handPeer(address = "192.0.2.9") {
  const family = address.includes(":") ? 6 : 4;
  const port = here.lan.host(`${address}/${family === 4 ? 24 : 64}`);
  const socket = await port.open({ family, address }, () => {});
  let count = 0;
  return async (
    change: Partial<ServiceDescription> = {},
    header: { relatesTo?: string } = {},
    to?: Endpoint,
  ) => {
    const sent = here.lan.sent.findLast(
      ({ bytes, from }) =>
        readMessage(bytes).kind === "Probe" && from.address.includes(":") === (family === 6),
    );
    const message = sent && readMessage(sent.bytes);
    if (message?.kind !== "Probe") throw new Error("nobody asked");
    const probe = readPeerProbe(message.probe);
    if (typeof probe === "string") throw new Error(probe);
    const held = probe.ids.slice().map(() => ({ heldBlocks: 1, totalBlocks: 1, createdMs: 0 }));
    const host = family === 4 ? address : `[${address.split("%")[0]}]`;
    const match = peerMatch({
      address: "urn:uuid:00000000-0000-4000-8000-000000000009",
      xAddrs: [`${host}:80`],
      probe,
      held,
      wallMs: 1_000,
    });
    const bytes = writeMessage(
      {
        version: "2005/04",
        kind: "ProbeMatches",
        messageId: `urn:by-hand:${address}:${count++}`,
        relatesTo: header.relatesTo ?? message.messageId,
        matches: match ? [{ ...match, ...change }] : [],
      },
      { prefixes: PREFIXES },
    );
    await socket.send(bytes, to ?? sent?.from ?? { address: "", port: 0 });
    await here.clock.advance(0);
  };
}

describe.each([1, 2] as const)("version %s", (version) => {
  it("PCCRD-5 PCCRD-11 PCCRD-46 finds who holds the segments, with address, port and completeness", async () => {
    const asking = await here.host("192.0.2.1/24");
    const cache = new HandCache().add(A, 3, 5).add(C, 2, 2, here.clock.wallMs() - 7_000);
    const serving = await here.host("192.0.2.2/24", { cache });
    const { found, done } = gather(asking.discovery.find([A, B, C], { version, totalBlocks: [5, 9, 2] }));
    await here.clock.advance(300);
    await done;
    expect(found).toHaveLength(1);
    expect(found[0]?.peer).toEqual({
      id: serving.discovery.endpointId,
      addresses: [{ address: "192.0.2.2", port: 8080 }],
    });
    const [first, second] = found[0]?.segments ?? [];
    expect(first).toMatchObject({ id: A, complete: false, ...(version === 1 && { heldBlocks: 3 }) });
    expect(second).toMatchObject({ id: C, complete: true, ...(version === 1 && { heldBlocks: 2 }) });
    if (version === 2) expect(second?.ageMs).toBeGreaterThanOrEqual(7_000);
    expect(found[0]?.segments).toHaveLength(2);
  });

  it("PCCRD-75 asks port 3702 of both groups, from ports of its own", async () => {
    const { discovery } = await here.host(["192.0.2.1/24", "fe80::1%eth0/64"]);
    const { done } = gather(discovery.find([A], { version }));
    await here.clock.advance(300);
    await done;
    expect(new Set(here.lan.sent.map(({ to }) => `${to.address} ${to.port}`))).toEqual(
      new Set(["239.255.255.250 3702", "ff02::c%eth0 3702"]),
    );
    for (const { from } of here.lan.sent) expect(from.port).toBeGreaterThanOrEqual(49_152);
  });

  it("PCCRD-39 PCCRD-40 PCCRD-42 waits 300 ms, no more and no less", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { state } = gather(discovery.find([A], { version }));
    await here.clock.advance(299);
    expect(state.ended).toBe(false);
    await here.clock.advance(1);
    expect(state).toEqual({ ended: true });
  });

  it("PCCRD-41 D-18 never waits less than others may take to answer", async () => {
    const { discovery } = await here.host("192.0.2.1/24", { waitMs: 1, backoffMs: 100 });
    const { state } = gather(discovery.find([A], { version }));
    await here.clock.advance(99);
    expect(state.ended).toBe(false);
    await here.clock.advance(1);
    expect(state.ended).toBe(true);
  });

  it("D-17 sends no repeat that could not be answered in time", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    for (let round = 0; round < 20; round++) {
      const startMs = here.clock.monotonicMs();
      const before = here.lan.sent.length;
      const { done } = gather(discovery.find([sha256(`${round}`)], { version }));
      for (let atMs = 0; atMs <= 300; atMs += 5) {
        const count = here.lan.sent.length;
        await here.clock.advance(5);
        const late = here.clock.monotonicMs() - startMs > 240;
        if (late) expect(here.lan.sent).toHaveLength(count);
      }
      await done;
      expect(here.lan.sent.length).toBeGreaterThan(before);
    }
  });

  it("W-11 asks for many in datagrams that are not fragmented, each once", async () => {
    const ids = many(100);
    const { discovery } = await here.host("192.0.2.1/24");
    const { done } = gather(discovery.find([...ids, ...ids], { version }));
    await here.clock.advance(300);
    await done;
    expect(probes()).toHaveLength(Math.ceil(100 / (version === 1 ? 11 : 16)));
    expect(probes().flatMap((probe) => probe.ids)).toEqual(ids);
    for (const { bytes } of probes()) expect(bytes.length).toBeLessThanOrEqual(1_472);
  });

  it("W-11 keeps to the least MTU of IPv6 when a link has it", async () => {
    const { discovery } = await here.host(["192.0.2.1/24", "fe80::1%eth0/64"]);
    const { done } = gather(discovery.find(many(20), { version }));
    await here.clock.advance(300);
    await done;
    for (const { bytes } of probes()) expect(bytes.length).toBeLessThanOrEqual(1_232);
    expect(probes()).toHaveLength(Math.ceil(20 / (version === 1 ? 7 : 10)));
  });

  it("PCCRD-18 asks for identifiers of different sizes in different probes", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const long = new Uint8Array(64).fill(1);
    const { done } = gather(discovery.find([A, long, B], { version }));
    await here.clock.advance(300);
    await done;
    expect(probes().map((probe) => probe.ids)).toEqual([[A, B], [long]]);
  });

  it("several that ask for the same get the same answers, from one probe", async () => {
    const asking = await here.host("192.0.2.1/24");
    await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 512).add(B, 512) });
    const first = gather(asking.discovery.find([A, B], { version }));
    const second = gather(asking.discovery.find([B], { version }));
    await here.clock.advance(150);
    const third = gather(asking.discovery.find([A, B], { version }));
    await here.clock.advance(150);
    await Promise.all([first.done, second.done, third.done]);
    expect(probes()).toHaveLength(1);
    expect(first.found).toHaveLength(1);
    expect(second.found.map((match) => match.segments.map(({ id }) => id))).toEqual([[B]]);
    expect(third.found).toEqual(first.found);
  });

  it("PCCRD-73 does not ask again for 15 s for what nobody had", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const ask = async () => {
      const { state } = gather(discovery.find([A], { version }));
      await here.clock.advance(300);
      expect(state).toEqual({ ended: true });
      return probes().length;
    };
    expect(await ask()).toBe(1);
    await here.clock.advance(14_399);
    expect(await ask()).toBe(1);
    await here.clock.advance(301);
    expect(await ask()).toBe(2);
  });

  it("PCCRD-73 what could not be asked for is not taken as absent", async () => {
    const { discovery } = await here.host([]);
    for (let i = 0; i < 2; i++) {
      const { state } = gather(discovery.find([A], { version }));
      await here.clock.advance(299);
      expect(state.ended).toBe(false);
      await here.clock.advance(1);
    }
  });

  it("PCCRD-74 tells who had it from memory while that is fresh, if told to", async () => {
    const asking = await here.host("192.0.2.1/24", { addressTtlMs: 60_000 });
    const one = await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 512).add(B, 512) });
    const other = await here.host("192.0.2.3/24", { cache: new HandCache().add(B, 7) });
    const find = async (totalBlocks?: readonly number[]) => {
      const ids = [A, B, C];
      const { found, done } = gather(
        asking.discovery.find(ids, { version, ...(totalBlocks && { totalBlocks }) }),
      );
      await here.clock.advance(300);
      await done;
      const peers = new Map<string, string[]>();
      for (const { peer, segments } of found) {
        peers.set(
          peer.id,
          segments.map(({ id, complete }) => `${[A, B, C].indexOf(id)} ${complete}`),
        );
      }
      return { peers, probes: probes().length };
    };
    const first = await find();
    expect(first.probes).toBe(1);
    expect(first.peers.get(one.discovery.endpointId)).toEqual(["0 true", "1 true"]);
    expect(first.peers.get(other.discovery.endpointId)).toEqual([`1 ${version === 2}`]);

    const again = await find();
    expect(again).toEqual(first);
    const known = await find([512, 7, 1]);
    expect(known.peers.get(other.discovery.endpointId)).toEqual(["1 true"]);

    asking.discovery.forget(one.discovery.endpointId.toUpperCase().replace("URN:UUID", "uuid"));
    const forgotten = await find();
    expect(forgotten.probes).toBe(2);
    expect([...forgotten.peers.keys()].sort()).toEqual(
      [one.discovery.endpointId, other.discovery.endpointId].sort(),
    );
    await here.clock.advance(60_000);
    expect((await find()).probes).toBe(3);
  });

  it("PCCRD-72 sends at most so many probes a second, and the rest later", async () => {
    const { discovery } = await here.host("192.0.2.1/24", { maxPerSecond: 2 });
    const batch = version === 1 ? 11 : 16;
    const { state } = gather(discovery.find(many(5 * batch), { version }));
    await here.clock.advance(0);
    expect(probes()).toHaveLength(2);
    await here.clock.advance(999);
    expect(probes()).toHaveLength(2);
    await here.clock.advance(1);
    expect(probes()).toHaveLength(4);
    await here.clock.advance(1_000);
    expect(probes()).toHaveLength(5);
    expect(state.ended).toBe(false);
    await here.clock.advance(300);
    expect(state).toEqual({ ended: true });
  });

  it("PCCRD-51 two on one host are two peers, and nobody is a peer of himself", async () => {
    const caches = [new HandCache().add(A, 1), new HandCache().add(A, 2)];
    const one = await here.host("192.0.2.1/24", caches[0] && { cache: caches[0] });
    const other = await here.host("192.0.2.1/24", caches[1] && { cache: caches[1] });
    const { found, done } = gather(one.discovery.find([A], { version }));
    await here.clock.advance(300);
    await done;
    expect(found.map((match) => match.peer.id)).toEqual([other.discovery.endpointId]);
  });

  it("PCCRD-51 an answer with our own address is dropped", async () => {
    const { discovery, observer } = await here.host("192.0.2.1/24");
    const say = await handPeer();
    const { found, done } = gather(discovery.find([A], { version }));
    await here.clock.advance(0);
    await say({ address: discovery.endpointId });
    await here.clock.advance(300);
    await done;
    expect(found).toEqual([]);
    expect(observer.total("datagrams_dropped_total", { reason: "own" })).toBe(1);
  });

  it("PCCRD-50 answers over IPv4 and IPv6 are one peer with both addresses", async () => {
    const { discovery, observer } = await here.host(["192.0.2.1/24", "fe80::1%eth0/64"]);
    const over4 = await handPeer("192.0.2.9");
    const over6 = await handPeer("fe80::9%eth0");
    const { found, done } = gather(discovery.find([A], { version }));
    await here.clock.advance(0);
    await over4();
    expect(found).toHaveLength(1);
    await over6();
    await over6();
    await here.clock.advance(300);
    await done;
    expect(found.map((match) => match.peer.addresses)).toEqual([
      [{ address: "192.0.2.9", port: 80 }],
      [
        { address: "192.0.2.9", port: 80 },
        { address: "fe80::9%eth0", port: 80 },
      ],
    ]);
    expect(observer.total("discoveries_total", { direction: "sent", result: "found" })).toBe(1);
  });

  it.each([
    ["two peers that answer over IPv4 and IPv6 are two, and no quorum of three", 2, 3, 1],
    ["three of them are", 3, 3, 0],
    ["with 0 it never keeps silent", 3, 0, 1],
  ])("PCCRD-67 %s", async (_, peers, republishQuorum, answers) => {
    const cache = new HandCache();
    const late = await here.host(["192.0.2.1/24", "fe80::1%eth0/64"], { cache, republishQuorum });
    const search = gather(late.discovery.find([A], { version, totalBlocks: [1] }));
    await here.clock.advance(0);
    for (let n = 10; n < 10 + peers; n++) {
      const address = `urn:uuid:00000000-0000-4000-8000-0000000000${n}`;
      await (await handPeer(`192.0.2.${n}`))({ address });
      await (await handPeer(`fe80::${n}%eth0`))({ address });
    }
    await here.clock.advance(300);
    await search.done;
    expect(new Set(search.found.map(({ peer }) => peer.id)).size).toBe(peers);
    cache.add(A, 1);
    const asking = await here.host("192.0.2.2/24");
    const { found, done } = gather(asking.discovery.find([A], { version }));
    await here.clock.advance(300);
    await done;
    expect(found.map(({ peer }) => peer.id)).toEqual(answers ? [late.discovery.endpointId] : []);
    expect(late.observer.total("probe_answers_total", { decision: "quorum" })).toBe(1 - answers);
  });

  it.each([
    ["PCCRD-10 types of somebody else", { types: [{ uri: "urn:x", local: "Device" }] }, "foreign"],
    ["PCCRD-10 no types", { types: [] }, "foreign"],
    ["PCCRD-44 D-11 an address off the link", { xAddrs: ["198.51.100.1:80"] }, "off_link"],
    ["PCCRD-43 no address", { xAddrs: [] }, "off_link"],
    ["PCCRD-47 scopes that cannot be read", { scopes: ["?"] }, "malformed"],
  ])("PCCRD-47 drops an answer with %s", async (_, change, reason) => {
    const { discovery, observer } = await here.host("192.0.2.1/24");
    const say = await handPeer();
    const { found, done } = gather(discovery.find([A], { version }));
    await here.clock.advance(0);
    await say(change);
    await here.clock.advance(300);
    await done;
    expect(found).toEqual([]);
    expect(observer.total("datagrams_dropped_total", { reason })).toBe(1);
    expect(observer.total("discoveries_total", { direction: "sent", result: "none" })).toBe(1);
  });

  it("PCCRD-42 a late answer is counted and told to nobody", async () => {
    const { discovery, observer } = await here.host("192.0.2.1/24");
    const say = await handPeer();
    const { found, done } = gather(discovery.find([A], { version }));
    await here.clock.advance(300);
    await done;
    await say();
    expect(found).toEqual([]);
    expect(observer.total("discoveries_total", { direction: "sent", result: "late" })).toBe(1);
    expect(observer.named("probe.answer_late")).toHaveLength(1);
  });

  it("PCCRD-45 PCCRD-48 PCCRD-49 an answer that names no probe of ours serves in version 1.0 only", async () => {
    const { discovery, observer } = await here.host("192.0.2.1/24");
    const say = await handPeer();
    const { found, done } = gather(discovery.find([A], { version }));
    await here.clock.advance(0);
    await say({}, { relatesTo: "urn:uuid:00000000-0000-4000-8000-0000000000ff" });
    await here.clock.advance(300);
    await done;
    expect(found).toHaveLength(version === 1 ? 1 : 0);
    expect(observer.total("datagrams_dropped_total", { reason: "unrelated" })).toBe(version === 1 ? 0 : 1);
  });

  it("an aborted search throws the reason and asks no more; the others go on", async () => {
    const { discovery } = await here.host("192.0.2.1/24", { maxPerSecond: 1 });
    const abort = new AbortController();
    const batch = version === 1 ? 11 : 16;
    const ids = many(2 * batch);
    const aborted = gather(discovery.find(ids, { version, signal: abort.signal }));
    const other = gather(discovery.find([A], { version }));
    await here.clock.advance(10);
    abort.abort(new Error("enough"));
    await here.clock.settle();
    expect(aborted.state).toMatchObject({ ended: true, error: { message: "enough" } });
    await here.clock.advance(1_300);
    expect(other.state).toEqual({ ended: true });
    expect(probes().map((probe) => probe.ids.length)).toEqual([batch, 1]);
    const late = gather(discovery.find([A], { version, signal: abort.signal }));
    await late.done;
    expect(late.state.error).toMatchObject({ message: "enough" });
  });

  it("closing fails every search, and those that come later", async () => {
    const { discovery } = await here.host("192.0.2.1/24", { maxPerSecond: 1 });
    const waiting = gather(discovery.find(many(40), { version }));
    await here.clock.advance(10);
    await discovery.close();
    await discovery[Symbol.asyncDispose]();
    await waiting.done;
    const late = gather(discovery.find([A], { version }));
    await late.done;
    for (const { state } of [waiting, late])
      expect(state.error).toMatchObject({ code: "BC_DISCOVERY_CLOSED" });
    expect(here.clock.pending).toBe(0);
  });

  it("asks for nothing when nothing is wanted", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { state, done } = gather(discovery.find([], { version }));
    await done;
    expect(state).toEqual({ ended: true });
    expect(here.lan.sent).toEqual([]);
  });

  it("survives loss, repeats and disorder", async () => {
    await here.close();
    here = site({ loss: 0.1, repeat: 0.3, delayMs: [0, 20] });
    const ids = many(30);
    const asking = await here.host("192.0.2.1/24");
    const servers = [];
    for (let i = 0; i < 8; i++) {
      const cache = new HandCache();
      for (const id of ids) cache.add(id, 1);
      servers.push(await here.host(`192.0.2.${10 + i}/24`, { cache }));
    }
    const { found, done } = gather(asking.discovery.find(ids, { version }));
    await here.clock.advance(400);
    await done;
    const peers = new Map<string, Set<string>>();
    for (const { peer, segments } of found) {
      const known = peers.get(peer.id) ?? new Set();
      for (const { id } of segments) known.add(sha256(id).join());
      peers.set(peer.id, known);
    }
    expect([...peers.keys()].sort()).toEqual(servers.map(({ discovery }) => discovery.endpointId).sort());
    expect(Math.max(...[...peers.values()].map((known) => known.size))).toBe(30);
    await here.clock.advance(2_000);
  });
});

it("PCCRD-5 one segment asked for in both versions is asked for twice", async () => {
  const asking = await here.host("192.0.2.1/24");
  await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
  const searches = ([1, 2] as const).map((version) => gather(asking.discovery.find([A], { version })));
  await here.clock.advance(300);
  await Promise.all(searches.map(({ done }) => done));
  expect(searches.map(({ found }) => found.length)).toEqual([1, 1]);
  expect(probes()).toHaveLength(2);
});

it("PCCRD-1 counts and tells what it does", async () => {
  const asking = await here.host("192.0.2.1/24");
  const serving = await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 1) });
  const { done } = gather(asking.discovery.find([A], { version: 1 }));
  await here.clock.advance(300);
  await done;
  expect(asking.observer.total("discoveries_total", { direction: "sent", result: "found" })).toBe(1);
  expect(asking.observer.last("discovery_seconds")).toBeLessThanOrEqual(0.065);
  expect(asking.observer.events.map(({ name }) => name)).toEqual(["probe.sent", "probe.answer_received"]);
  expect(serving.observer.total("discoveries_total", { direction: "received", result: "found" })).toBe(1);
  expect(serving.observer.total("probe_answers_total", { decision: "answered" })).toBe(1);
  expect(serving.observer.events.map(({ name }) => name)).toEqual(["probe.received", "probe.answer_sent"]);
  const unanswered = gather(asking.discovery.find([B], { version: 1 }));
  await here.clock.advance(300);
  await unanswered.done;
  expect(asking.observer.events.at(-1)).toMatchObject({ name: "probe.unanswered", fields: { segments: 1 } });
});

it("PCCRD-25 PCCRD-55 each start has an address of its own", async () => {
  const hosts = [await here.host("192.0.2.1/24"), await here.host("192.0.2.2/24")];
  const ids = hosts.map(({ discovery }) => discovery.endpointId);
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) {
    expect(canonicalUri(id)).toBe(id);
    expect(fromHex(id.slice("urn:uuid:".length).replaceAll("-", ""))).toHaveLength(16);
  }
});
