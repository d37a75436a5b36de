import { describe, expect, it } from "vitest";
import {
  type DiscoveryMessage,
  type Endpoint,
  type RequestHandler,
  type RespondOptions,
  readMessage,
  type ServiceDescription,
  startTargetService,
  VERSIONS,
  writeMessage,
} from "../src/index.ts";
import { ADDRESS, gather, type Host, type Link, link, linkForEach, PRINTER, SCANNER } from "./support.ts";
import onvif from "./vectors/onvif-probes.json" with { type: "json" };

const service: ServiceDescription = {
  address: ADDRESS,
  types: [PRINTER],
  scopes: ["http://example.org/site/floor-2"],
  xAddrs: ["http://192.0.2.10:8080/print"],
  metadataVersion: 5,
};
const GROUP = { address: "239.255.255.250", port: 3702 };

let here: Link;
linkForEach((fresh) => {
  here = fresh;
});

/** A client of a few lines: what comes back to its socket, with the time. */
async function client(address = "192.0.2.1") {
  const heard: { readonly atMs: number; readonly message: DiscoveryMessage; readonly bytes: Uint8Array }[] =
    [];
  const socket = await here.lan.host(`${address}/24`).open({ family: 4, address }, (bytes) => {
    heard.push({ atMs: here.clock.monotonicMs(), message: readMessage(bytes), bytes });
  });
  let count = 0;
  const ask = async (more: object = {}, to: Endpoint = GROUP) => {
    const messageId = `urn:request:${address}:${count++}`;
    await socket.send(
      writeMessage({ version: "2005/04", kind: "Probe", messageId, probe: { types: [PRINTER] }, ...more }),
      to,
    );
    return messageId;
  };
  return { heard, ask, socket };
}

async function serving(handler?: Partial<RequestHandler>, options: RespondOptions = {}): Promise<Host> {
  const host = await here.host("192.0.2.10/24", { timing: { multicast: once, unicast: once } });
  await host.discovery.respond({ onProbe: () => () => service, ...handler }, options);
  return host;
}
const once = { repeat: 0, minDelayMs: 50, maxDelayMs: 250, upperDelayMs: 500 };

describe("answers", () => {
  it("WSD-16 WSD-17 WSD-42 WSD-44 WSD-48 WSD-52 go by unicast to where the probe came from", async () => {
    await serving();
    const { heard, ask, socket } = await client();
    const relatesTo = await ask();
    await here.clock.advance(500);
    expect(heard.map(({ message }) => message)).toMatchObject([
      {
        kind: "ProbeMatches",
        relatesTo,
        to: VERSIONS["2005/04"].anonymous,
        messageId: expect.stringMatching(/^urn:uuid:/),
        appSequence: { messageNumber: 1 },
        matches: [service],
      },
    ]);
    expect(here.lan.sent.at(-1)).toMatchObject({
      from: { address: "192.0.2.10" },
      to: { address: "192.0.2.1", port: socket.local.port },
    });
    expect(here.lan.sent.at(-1)?.from.port).not.toBe(3702);
  });

  it("WSD-4 WSD-43 wait for a random time within the application's delay", async () => {
    await serving({}, { answerDelayMs: [1, 65] });
    const { heard, ask } = await client();
    for (let i = 0; i < 40; i++) await ask();
    const startMs = here.clock.monotonicMs();
    await here.clock.advance(500);
    const delays = heard.map(({ atMs }) => atMs - startMs);
    expect(delays).toHaveLength(40);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...delays)).toBeLessThanOrEqual(65);
    expect(new Set(delays).size).toBeGreaterThan(10);
  });

  it("WSD-68 WSD-73 the delay is 500 ms at most unless told otherwise", async () => {
    await serving();
    const { heard, ask } = await client();
    for (let i = 0; i < 40; i++) await ask();
    await here.clock.advance(500);
    expect(heard).toHaveLength(40);
    expect(Math.max(...heard.map(({ atMs }) => atMs))).toBeGreaterThan(300);
  });

  it("WSD-3 WSD-12 are repeated once, byte for byte", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    await discovery.respond({ onProbe: () => () => service });
    const { heard, ask } = await client();
    await ask();
    await here.clock.advance(1_000);
    expect(heard).toHaveLength(2);
    expect(heard[1]?.bytes).toEqual(heard[0]?.bytes);
  });

  it("WSD-41 WSD-78 nothing is sent when the handler says no, at once or after the delay", async () => {
    const decisions = [undefined, () => undefined];
    await serving({ onProbe: () => decisions.shift() });
    const { heard, ask } = await client();
    await ask();
    await ask();
    await here.clock.advance(1_000);
    expect(decisions).toEqual([]);
    expect(heard).toEqual([]);
  });

  it("WSD-13 one probe on two links is answered once, where its first copy came in", async () => {
    await serving();
    const { heard, ask } = await client();
    const other = await client("192.0.2.2");
    const messageId = await ask();
    await other.ask({ messageId });
    await here.clock.advance(500);
    expect(heard).toHaveLength(1);
    expect(other.heard).toEqual([]);
  });

  it("D-12 a late duplicate gets the same bytes again, an early one nothing", async () => {
    const { drops } = await serving({}, { answerDelayMs: [10, 10], reanswerAfterMs: 750 });
    const { heard, ask } = await client();
    const messageId = await ask();
    await here.clock.advance(5);
    await ask({ messageId });
    await here.clock.advance(754);
    await ask({ messageId });
    await here.clock.advance(0);
    expect([heard.length, drops]).toEqual([1, ["duplicate", "duplicate"]]);
    await here.clock.advance(1);
    await ask({ messageId });
    await here.clock.advance(0);
    expect(heard).toHaveLength(2);
    expect(heard[1]?.bytes).toEqual(heard[0]?.bytes);
    expect(heard[1]?.message).toMatchObject({ appSequence: { messageNumber: 1 } });
  });

  it("D-12 by default a duplicate is never answered again", async () => {
    await serving();
    const { heard, ask } = await client();
    const messageId = await ask();
    await here.clock.advance(5_000);
    await ask({ messageId });
    await here.clock.advance(5_000);
    expect(heard).toHaveLength(1);
  });

  it("W-15 are limited in number for each source", async () => {
    const limited: string[] = [];
    await serving({}, { answersPerSecond: 3, onLimited: ({ from }) => limited.push(from.address) });
    const { heard, ask } = await client();
    const other = await client("192.0.2.2");
    for (let i = 0; i < 5; i++) await ask();
    await other.ask();
    await here.clock.advance(500);
    expect([heard.length, other.heard.length]).toEqual([3, 1]);
    expect(limited).toEqual(["192.0.2.1", "192.0.2.1"]);
  });

  it.each([
    ["another host", "soap.udp://198.51.100.1:3702/", false],
    ["another port", "soap.udp://192.0.2.1:1/", false],
    ["another scheme", "http://192.0.2.1/", false],
    ["nothing", "", false],
    ["the source", (port: number) => `soap.udp://192.0.2.1:${port}/path`, true],
    ["anonymous", VERSIONS["2005/04"].anonymous, true],
  ])("WSD-16 W-15 a reply address of %s", async (_, replyTo, answered) => {
    const { drops } = await serving();
    const { heard, ask, socket } = await client();
    await ask({ replyTo: typeof replyTo === "string" ? replyTo : replyTo(socket.local.port) });
    await here.clock.advance(500);
    expect(heard).toHaveLength(answered ? 1 : 0);
    expect(drops).toEqual(answered ? [] : ["reply_address"]);
  });

  it("W-15 go to nobody off the link", async () => {
    const { drops } = await serving();
    const { heard, ask } = await client("198.51.100.1");
    await ask();
    await here.clock.advance(500);
    expect(heard).toEqual([]);
    expect(drops).toEqual(["off_link"]);
  });

  it("WSD-77 W-1 are in the version of the request, if it is switched on", async () => {
    for (const versions of [["2005/04"], ["2005/04", "2009/01"]] as const) {
      const { discovery } = await here.host("192.0.2.10/24", { versions });
      await discovery.respond({ onProbe: () => () => service });
      const { heard, ask, socket } = await client();
      await ask({ version: "2009/01", messageId: `urn:version:${versions.length}` });
      await here.clock.advance(200);
      await here.clock.advance(1_000);
      const kinds = heard.map(({ message }) => [message.version, message.to]);
      expect(kinds.slice(0, 1)).toEqual(
        versions.length === 1 ? [] : [["2009/01", VERSIONS["2009/01"].anonymous]],
      );
      await socket.close();
      await discovery.close();
    }
  });

  it("PCCRD-53 WSD-64 several handlers share the port, each for its own", async () => {
    const { discovery } = await serving({
      onProbe: (probe) => (probe.types?.[0]?.local === "Printer" ? () => service : undefined),
    });
    const other = { ...service, address: "urn:uuid:1" };
    const second = await discovery.respond({
      onProbe: (probe) => (probe.types?.[0]?.local === "Scanner" ? () => other : undefined),
    });
    const { heard, ask } = await client();
    await ask();
    await ask({ probe: { types: [SCANNER] } });
    await here.clock.advance(500);
    const addresses = heard.map(
      ({ message }) => message.kind === "ProbeMatches" && message.matches[0]?.address,
    );
    expect(addresses.sort()).toEqual(["urn:uuid:1", ADDRESS]);
    second.close();
    second.close();
    await ask({ probe: { types: [SCANNER] } });
    await here.clock.advance(500);
    expect(heard).toHaveLength(2);
  });

  it("a handler that throws is reported, and the next probe is answered", async () => {
    let calls = 0;
    const { errors } = await serving({
      onProbe: () => {
        calls++;
        if (calls === 1) throw new Error("cache is gone");
        return () => service;
      },
    });
    const { heard, ask } = await client();
    await ask();
    await ask();
    await here.clock.advance(500);
    expect(errors.map((error) => [error.code, error.message])).toEqual([["WSD_HANDLER", "cache is gone"]]);
    expect(heard).toHaveLength(1);
  });

  it("WSD-69 closing cancels what waits", async () => {
    const { discovery } = await serving();
    const { heard, ask } = await client();
    await ask();
    await here.clock.advance(0);
    expect(here.clock.pending).toBe(1);
    await discovery.close();
    await here.clock.advance(1_000);
    expect(heard).toEqual([]);
  });

  it("WSD-63 hostile bytes are dropped, counted and never answered", async () => {
    const { drops } = await serving();
    const { heard, socket } = await client();
    const hostile = ["", "<", "<!DOCTYPE a><a/>", "<a>".repeat(500), "\u0000"];
    for (const document of hostile) await socket.send(new TextEncoder().encode(document), GROUP);
    await here.clock.advance(500);
    expect(heard).toEqual([]);
    expect(drops).toEqual(hostile.map(() => "malformed"));
  });
});

describe("target service", () => {
  const announced = (kind: "Hello" | "Bye") => here.messages(kind);

  it("WSD-21 WSD-23 WSD-25 says Hello after a random delay", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    await startTargetService(discovery, service);
    await here.clock.settle();
    expect(announced("Hello")).toEqual([]);
    await here.clock.advance(2_000);
    expect(announced("Hello")).toHaveLength(3);
    expect(announced("Hello")[0]).toMatchObject({
      service,
      to: VERSIONS["2005/04"].multicastTo,
      appSequence: { messageNumber: 1 },
    });
  });

  it("WSD-22 WSD-26 WSD-54 a change raises the version and says Hello at once", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    const target = await startTargetService(discovery, service);
    await here.clock.advance(2_000);
    const updated = target.update({ scopes: ["http://example.org/site/floor-3"] });
    await here.clock.settle();
    expect(announced("Hello").at(-1)).toMatchObject({
      service: { metadataVersion: 6, scopes: ["http://example.org/site/floor-3"] },
      appSequence: { messageNumber: 2 },
    });
    await here.clock.advance(2_000);
    await updated;
    expect(target.service.metadataVersion).toBe(6);
    expect(new Set(announced("Hello").map((message) => message.messageId)).size).toBe(2);
  });

  it("WSD-28 WSD-29 says Bye without delay, and answers no more", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    const target = await startTargetService(discovery, service);
    const stopped = target.stop();
    const again = target.stop();
    await here.clock.settle();
    expect(announced("Bye")).toHaveLength(1);
    expect(announced("Bye")[0]).toMatchObject({ address: ADDRESS });
    const { heard, ask } = await client();
    await ask();
    await here.clock.advance(2_000);
    await Promise.all([stopped, again]);
    expect(heard).toEqual([]);
    expect([announced("Hello").length, announced("Bye").length]).toEqual([0, 3]);
  });

  it("says Bye too when a block that holds it with `await using` is left", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    const left = (async () => {
      await using _target = await startTargetService(discovery, service);
    })();
    await here.clock.advance(2_000);
    await left;
    expect(announced("Bye").length).toBeGreaterThan(0);
  });

  it("WSD-33 WSD-39 WSD-41 answers a probe that matches, and no other", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    await startTargetService(discovery, service);
    const { heard, ask } = await client();
    const yes = [await ask(), await ask({ probe: { scopes: ["http://example.org/site"] } })];
    await ask({ probe: { types: [SCANNER] } });
    await ask({ probe: { matchBy: "urn:unknown", scopes: ["x"] } });
    await here.clock.advance(2_000);
    expect(new Set(heard.map(({ message }) => message.relatesTo))).toEqual(new Set(yes));
  });

  it("WSD-50 WSD-51 answers a resolve for its own address, and no other", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    await startTargetService(discovery, service);
    const { heard, ask } = await client();
    const relatesTo = await ask({ kind: "Resolve", address: ADDRESS.toUpperCase() });
    await ask({ kind: "Resolve", address: "urn:uuid:00000000-0000-4000-8000-000000000000" });
    await here.clock.advance(2_000);
    expect(new Set(heard.map(({ message }) => message.relatesTo))).toEqual(new Set([relatesTo]));
    expect(heard[0]?.message).toMatchObject({ kind: "ResolveMatches", match: service });
  });

  it("WSD-24 WSD-74 W-9 may tell each client the address on its own link, and none in Hello", async () => {
    const { discovery } = await here.host(["192.0.2.10/24", "198.51.100.10/24"]);
    const { xAddrs: _, ...bare } = service;
    await startTargetService(discovery, bare, {
      xAddrsFor: ({ link: on }) => [`http://${on?.addresses[0]?.address}/`],
    });
    const first = await client("192.0.2.1");
    const second = await client("198.51.100.1");
    await first.ask();
    await second.ask();
    await here.clock.advance(2_000);
    expect(announced("Hello")[0]).not.toHaveProperty("service.xAddrs");
    expect(first.heard[0]?.message).toMatchObject({ matches: [{ xAddrs: ["http://192.0.2.10/"] }] });
    expect(second.heard[0]?.message).toMatchObject({ matches: [{ xAddrs: ["http://198.51.100.10/"] }] });
  });

  it("WSD-40 sends no fault, not even to a unicast probe with a rule it does not know", async () => {
    await startTargetService((await here.host("192.0.2.10/24")).discovery, service);
    await here.clock.advance(2_000);
    const { ask, heard } = await client();
    const probe = { types: [PRINTER], scopes: ["urn:x"], matchBy: "urn:rule:of:mine" };
    await ask({ probe }, { address: "192.0.2.10", port: 3702 });
    await here.clock.advance(2_000);
    expect(heard).toEqual([]);
    await ask({ probe: { types: [PRINTER] } }, { address: "192.0.2.10", port: 3702 });
    await here.clock.advance(2_000);
    expect(heard.length).toBeGreaterThan(0);
  });

  it("WSD-19 WSD-53 is the same service after a restart, and its second run counts as newer", async () => {
    const watching = await here.host("192.0.2.1/24");
    const { found, done } = gather(watching.discovery.announcements());
    for (let run = 0; run < 2; run++) {
      const { discovery } = await here.host("192.0.2.10/24");
      await startTargetService(discovery, service);
      await here.clock.advance(2_000);
      await discovery.close();
    }
    const hellos = found.filter(({ kind }) => kind === "Hello");
    expect(hellos.map(({ restarted }) => restarted)).toEqual([false, true]);
    for (const hello of hellos) expect(hello).toMatchObject({ service: { address: ADDRESS } });
    const [first, second] = hellos.map(({ appSequence }) => appSequence?.instanceId ?? 0);
    expect(second).toBeGreaterThan(first ?? 0);
    await watching.discovery.close();
    await done;
  });

  it("W-1 announces itself in each version that it is told to", async () => {
    const { discovery } = await here.host("192.0.2.10/24", { versions: ["2005/04", "2009/01"] });
    const target = await startTargetService(discovery, service, { versions: ["2005/04", "2009/01"] });
    await here.clock.advance(2_000);
    const stopped = target.stop();
    await here.clock.advance(2_000);
    await stopped;
    for (const kind of ["Hello", "Bye"] as const) {
      expect(new Set(announced(kind).map((message) => message.version))).toEqual(
        new Set(["2005/04", "2009/01"]),
      );
    }
  });

  it("refuses a description that cannot be written, at once", async () => {
    const { discovery } = await here.host("192.0.2.10/24");
    await expect(startTargetService(discovery, { ...service, scopes: ["a b"] })).rejects.toMatchObject({
      code: "WSD_WRITE_VALUE",
    });
    const target = await startTargetService(discovery, service);
    await expect(target.update({ scopes: ["a b"] })).rejects.toMatchObject({ code: "WSD_WRITE_VALUE" });
    expect(target.service).toEqual(service);
  });
});

describe("cameras", () => {
  const camera = {
    address: ADDRESS,
    types: [{ uri: "http://www.onvif.org/ver10/network/wsdl", local: "NetworkVideoTransmitter" }],
    scopes: ["onvif://www.onvif.org/type/video_encoder"],
    xAddrs: ["http://192.0.2.10/onvif/device_service"],
    metadataVersion: 1,
  };

  it.each(Object.entries(onvif.probes))(
    "W-3 the probe of %s is answered by a service of its type only",
    async (_, xml) => {
      const { discovery, drops } = await here.host("192.0.2.10/24");
      await startTargetService(discovery, camera);
      await startTargetService((await here.host("192.0.2.11/24")).discovery, service);
      const { heard, socket } = await client();
      await socket.send(new TextEncoder().encode(xml), GROUP);
      await here.clock.advance(2_000);
      expect(
        new Set(heard.map(({ message }) => message.kind === "ProbeMatches" && message.matches[0]?.address)),
      ).toEqual(new Set([ADDRESS]));
      const relatesTo = heard[0]?.message.relatesTo ?? "nothing";
      expect(xml).toContain(`>${relatesTo}<`);
      expect(heard[0]?.message).toMatchObject({ matches: [camera] });
      expect(drops).not.toContain("malformed");
    },
  );
});

describe("finding each other", () => {
  it.each([
    ["IPv4", "192.0.2.1/24", "192.0.2.2/24"],
    ["IPv6", "fe80::1%eth0/64", "fe80::2%eth0/64"],
  ])("a client and a target service over %s, with loss and repeats", async (_, one, two) => {
    await here.close();
    here = link({ loss: 0.2, repeat: 0.2, delayMs: [0, 5] });
    const asking = await here.host(one);
    const { discovery } = await here.host(two);
    await startTargetService(discovery, service);
    const { found, done } = gather(asking.discovery.probe({ types: [PRINTER] }, { timeoutMs: 4_000 }));
    await here.clock.advance(4_000);
    await done;
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ service, from: { address: two.split("/")[0] } });
  });

  it("WSD-71 one process does both on one port, and is no answer to itself", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    await startTargetService(discovery, service);
    const { found, done } = gather(discovery.probe({}, { timeoutMs: 1_000 }));
    await here.clock.advance(1_000);
    await done;
    expect(found).toEqual([]);
  });
});
