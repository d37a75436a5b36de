import { describe, expect, it } from "vitest";
import {
  openWsDiscovery,
  readMessage,
  SOAP_OVER_UDP_2004,
  VERSIONS,
  type WsDiscoveryError,
  writeMessage,
} from "../src/index.ts";
import { ADDRESS, gather, type Link, linkForEach, PRINTER } from "./support.ts";

const service = { address: ADDRESS, types: [PRINTER], metadataVersion: 1 };
const prefixes = { ex: PRINTER.uri };

let here: Link;
linkForEach((fresh) => {
  here = fresh;
});

/** A host that records what reaches its socket, and can say anything to anybody. */
async function stranger(address: string, port = 3702) {
  const heard: Uint8Array[] = [];
  const socket = await here.lan
    .host(`${address}/24`)
    .open({ family: 4, port, join: [{ group: "239.255.255.250", interface: address }] }, (bytes) => {
      heard.push(bytes);
    });
  return { heard, socket };
}

const answer = (relatesTo: string | undefined, more: object = {}) =>
  writeMessage({
    version: "2005/04",
    kind: "ProbeMatches",
    messageId: `urn:uuid:${crypto.randomUUID()}`,
    ...(relatesTo !== undefined && { relatesTo }),
    matches: [service],
    ...more,
  });

describe("probe", () => {
  it("WSD-1 WSD-2 WSD-9 WSD-14 WSD-72 multicasts one envelope from a port of its own", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { done } = gather(discovery.probe({ types: [PRINTER] }, { timeoutMs: 100, prefixes }));
    await here.clock.settle();
    expect(here.lan.sent).toHaveLength(1);
    expect(here.lan.sent[0]?.to).toEqual({ address: "239.255.255.250", port: 3702 });
    expect(here.lan.sent[0]?.from.address).toBe("192.0.2.1");
    expect(here.lan.sent[0]?.from.port).not.toBe(3702);
    expect(here.messages()[0]).toMatchObject({
      kind: "Probe",
      to: VERSIONS["2005/04"].multicastTo,
      messageId: expect.stringMatching(/^urn:uuid:/),
      probe: { types: [PRINTER] },
    });
    await here.clock.advance(100);
    await done;
  });

  it("WSD-1 WSD-70 W-7 asks on every link, IPv6 with its zone, with one MessageID", async () => {
    const { discovery } = await here.host(["192.0.2.1/24", "198.51.100.1/24", "fe80::1%eth0/64"]);
    const { done } = gather(discovery.probe({}, { timeoutMs: 10 }));
    await here.clock.advance(10);
    await done;
    expect(here.lan.sent.map(({ from, to }) => `${from.address} ${to.address}`)).toEqual([
      "192.0.2.1 239.255.255.250",
      "198.51.100.1 239.255.255.250",
      "fe80::1%eth0 ff02::c%eth0",
    ]);
    expect(new Set(here.messages().map((message) => message.messageId)).size).toBe(1);
  });

  it("WSD-3 WSD-11 WSD-12 repeats the very bytes, as often as it is told", async () => {
    const { discovery } = await here.host("192.0.2.1/24", { timing: SOAP_OVER_UDP_2004 });
    const { done } = gather(discovery.probe({}, { timeoutMs: 3_000 }));
    await here.clock.advance(3_000);
    await done;
    expect(here.lan.sent).toHaveLength(5);
    for (const { bytes } of here.lan.sent) expect(bytes).toEqual(here.lan.sent[0]?.bytes);
  });

  it("D-17 sends no repeat that could not be answered in time", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { done } = gather(discovery.probe({}, { timeoutMs: 300, answerWithinMs: 300 }));
    await here.clock.advance(3_000);
    await done;
    expect(here.lan.sent).toHaveLength(1);
  });

  it("WSD-47 yields every match as it comes, until the time is over", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { socket } = await stranger("192.0.2.9");
    const { found, state } = gather(discovery.probe({}, { timeoutMs: 500 }));
    await here.clock.settle();
    const relatesTo = here.messages("Probe")[0]?.messageId;
    const to = here.lan.sent[0]?.from ?? { address: "", port: 0 };
    for (let i = 1; i <= 3; i++) {
      await socket.send(answer(relatesTo), to);
      await here.clock.advance(100);
      expect(found).toHaveLength(i);
    }
    expect(found[0]).toMatchObject({ service, from: { address: "192.0.2.9" }, link: { name: "eth0" } });
    await here.clock.advance(200);
    expect(state).toEqual({ ended: true });
    await socket.send(answer(relatesTo), to);
    await here.clock.advance(0);
    expect(found).toHaveLength(3);
  });

  it.each([
    ["WSD-18 names another query", () => answer("urn:uuid:other"), "unrelated"],
    ["WSD-18 names none", () => answer(undefined), "unrelated"],
    ["WSD-63 is malformed", () => new TextEncoder().encode("<x"), "malformed"],
    ["WSD-77 is of a version that is off", () => answer(undefined, { version: "2009/01" }), "version"],
  ])("drops an answer that %s", async (_, make, reason) => {
    const { discovery, drops } = await here.host("192.0.2.1/24");
    const { socket } = await stranger("192.0.2.9");
    const { found, done } = gather(discovery.probe({}, { timeoutMs: 100 }));
    await here.clock.settle();
    await socket.send(make(), here.lan.sent[0]?.from ?? { address: "", port: 0 });
    await here.clock.advance(100);
    await done;
    expect(found).toEqual([]);
    expect(drops).toEqual([reason]);
  });

  it("WSD-13 takes one copy of an answer that was repeated", async () => {
    const { discovery, drops } = await here.host("192.0.2.1/24");
    const { socket } = await stranger("192.0.2.9");
    const { found, done } = gather(discovery.probe({}, { timeoutMs: 100 }));
    await here.clock.settle();
    const bytes = answer(here.messages("Probe")[0]?.messageId);
    const to = here.lan.sent[0]?.from ?? { address: "", port: 0 };
    await socket.send(bytes, to);
    await socket.send(bytes, to);
    await here.clock.advance(100);
    await done;
    expect(found).toHaveLength(1);
    expect(drops).toEqual(["duplicate"]);
  });

  it("W-4 takes a RelatesTo that is a bare UUID in upper case", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { socket } = await stranger("192.0.2.9");
    const { found, done } = gather(discovery.probe({}, { timeoutMs: 100 }));
    await here.clock.settle();
    const bare = here.messages("Probe")[0]?.messageId.slice("urn:uuid:".length).toUpperCase();
    await socket.send(answer(bare), here.lan.sent[0]?.from ?? { address: "", port: 0 });
    await here.clock.advance(100);
    await done;
    expect(found).toHaveLength(1);
  });

  it("WSD-46 asks a known address by unicast, off the link too", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { socket, heard } = await stranger("198.51.100.9");
    const to = { address: "198.51.100.9", port: 3702 };
    const { found, done } = gather(discovery.probe({}, { timeoutMs: 100, to }));
    await here.clock.advance(0);
    expect(heard).toHaveLength(1);
    const relatesTo = here.messages("Probe")[0]?.messageId;
    await socket.send(answer(relatesTo), here.lan.sent[0]?.from ?? { address: "", port: 0 });
    await here.clock.advance(100);
    await done;
    expect(found).toMatchObject([{ service, from: { address: "198.51.100.9" } }]);
  });

  it("W-15 takes no answer from off the link, unless told to", async () => {
    for (const onLinkOnly of [true, false]) {
      const { discovery, drops } = await here.host("192.0.2.1/24", { onLinkOnly });
      const { socket } = await stranger("198.51.100.9");
      let id = "";
      const { found, done } = gather(
        discovery.probe({}, { timeoutMs: 100, onStart: (messageId) => (id = messageId) }),
      );
      await here.clock.settle();
      await socket.send(answer(id), here.lan.sent.at(-1)?.from ?? { address: "", port: 0 });
      await here.clock.advance(100);
      await done;
      expect(found).toHaveLength(onLinkOnly ? 0 : 1);
      expect(drops).toEqual(onLinkOnly ? ["off_link"] : []);
      await socket.close();
    }
  });

  it("WSD-69 aborted, it throws the reason and repeats no more", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const abort = new AbortController();
    const { state } = gather(discovery.probe({}, { timeoutMs: 5_000, signal: abort.signal }));
    await here.clock.settle();
    abort.abort(new Error("enough"));
    await here.clock.settle();
    expect(state).toMatchObject({ ended: true, error: { message: "enough" } });
    expect(here.clock.pending).toBe(0);
    expect(here.lan.sent).toHaveLength(1);
    const again = gather(discovery.probe({}, { timeoutMs: 1, signal: abort.signal }));
    await again.done;
    expect(again.state.error).toMatchObject({ message: "enough" });
  });

  it("WSD-69 leaving the loop closes the query", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { socket } = await stranger("192.0.2.9");
    const first = (async () => {
      for await (const match of discovery.probe({}, { timeoutMs: 5_000 })) return match;
      return undefined;
    })();
    await here.clock.settle();
    const to = here.lan.sent[0]?.from ?? { address: "", port: 0 };
    await socket.send(answer(here.messages("Probe")[0]?.messageId), to);
    await here.clock.advance(0);
    expect(await first).toMatchObject({ service });
    await here.clock.settle();
    expect(here.clock.pending).toBe(0);
  });

  it("WSD-69 closing ends every query; closed twice and used afterwards is no harm", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { state } = gather(discovery.probe({}, { timeoutMs: 5_000 }));
    await here.clock.settle();
    await discovery.close();
    await discovery[Symbol.asyncDispose]();
    await here.clock.settle();
    expect((state.error as WsDiscoveryError).code).toBe("WSD_CLOSED");
    const after = gather(discovery.probe({}, { timeoutMs: 1 }));
    await after.done;
    expect((after.state.error as WsDiscoveryError).code).toBe("WSD_CLOSED");
    expect(here.clock.pending).toBe(0);
  });
});

describe("resolve", () => {
  it("WSD-49 names the endpoint, and gives the first answer of that endpoint", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { socket } = await stranger("192.0.2.9");
    const resolved = discovery.resolve(ADDRESS.toUpperCase().replace("URN:UUID", "urn:uuid"), {
      timeoutMs: 5_000,
    });
    await here.clock.settle();
    expect(here.messages()[0]).toMatchObject({ kind: "Resolve", to: VERSIONS["2005/04"].multicastTo });
    const relatesTo = here.messages()[0]?.messageId ?? "";
    const to = here.lan.sent[0]?.from ?? { address: "", port: 0 };
    const say = (address: string) =>
      socket.send(
        writeMessage({
          version: "2005/04",
          kind: "ResolveMatches",
          messageId: `urn:x:${address}`,
          relatesTo,
          match: { ...service, address },
        }),
        to,
      );
    await say("urn:uuid:other");
    await say(ADDRESS);
    await here.clock.advance(0);
    expect(await resolved).toMatchObject({ service: { address: ADDRESS } });
    await here.clock.settle();
    expect(here.clock.pending).toBe(0);
  });

  it("W-10 is undefined when nobody answers", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const resolved = discovery.resolve(ADDRESS, { timeoutMs: 1_000 });
    await here.clock.advance(1_000);
    expect(await resolved).toBeUndefined();
  });
});

describe("versions", () => {
  it("W-1 asks in 2009/01 and takes the answer, though nothing else of that version is listened to", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { socket } = await stranger("192.0.2.9");
    const { found, done } = gather(discovery.probe({}, { timeoutMs: 100, version: "2009/01" }));
    await here.clock.settle();
    expect(here.messages()[0]).toMatchObject({ version: "2009/01", to: VERSIONS["2009/01"].multicastTo });
    const bytes = answer(here.messages()[0]?.messageId, { version: "2009/01" });
    await socket.send(bytes, here.lan.sent[0]?.from ?? { address: "", port: 0 });
    await here.clock.advance(100);
    await done;
    expect(found).toMatchObject([{ version: "2009/01", service }]);
  });
});

describe("faults", () => {
  it("is told of a chosen interface that does not exist, once", async () => {
    const { discovery, errors } = await here.host("192.0.2.1/24", { interfaces: ["eth0", "wlan0"] });
    await discovery.refresh();
    expect(errors.map((error) => [error.code, error.message])).toEqual([
      ["WSD_INTERFACE", "interface wlan0: there is no such interface"],
    ]);
    expect(discovery.links).toHaveLength(1);
  });

  it("one interface that cannot be used does not stop the others", async () => {
    const port = here.lan.host("192.0.2.1/24", "198.51.100.1/24");
    const broken = "198.51.100.1";
    const fault = Object.assign(new Error("no route"), { code: "ENETUNREACH" });
    let failing: "open" | "join" | "send" | "none" = "open";
    const { discovery, errors } = await here.host({
      interfaces: () => port.interfaces(),
      async open(options, onDatagram) {
        const joins = options.join?.some((join) => join.interface === broken);
        if (failing === "open" && options.multicastInterface === broken) throw fault;
        if (failing === "join" && joins) throw fault;
        const socket = await port.open(options, onDatagram);
        return {
          ...socket,
          send: (bytes, to) =>
            failing === "send" && options.multicastInterface === broken
              ? Promise.reject(fault)
              : socket.send(bytes, to),
        };
      },
    });
    expect(errors.map((error) => error.cause)).toEqual([fault]);
    expect(discovery.links.map((entry) => entry.socketName)).toEqual(["192.0.2.1"]);

    failing = "join";
    await discovery.refresh();
    expect(discovery.links).toHaveLength(2);
    await discovery.respond({ onProbe: () => () => service });
    expect(errors).toHaveLength(2);

    failing = "send";
    const { done } = gather(discovery.probe({}, { timeoutMs: 1_000 }));
    await here.clock.advance(1_000);
    await done;
    expect(here.messages("Probe")).toHaveLength(3);
    expect(errors).toHaveLength(3);

    const asking = await here.host("192.0.2.7/24");
    const asked = gather(asking.discovery.probe({}, { timeoutMs: 1_000 }));
    await here.clock.advance(1_000);
    await asked.done;
    expect(asked.found).toHaveLength(1);
  });

  it("opens without any interface, and finds nobody", async () => {
    const { discovery } = await here.host([]);
    const { state } = gather(discovery.probe({}, { timeoutMs: 100 }));
    await here.clock.advance(100);
    expect(state).toEqual({ ended: true });
    expect(here.lan.sent).toEqual([]);
  });

  it("throws for a probe that cannot be written", async () => {
    const { discovery } = await here.host("192.0.2.1/24");
    const { state, done } = gather(discovery.probe({ scopes: ["a b"] }, { timeoutMs: 100 }));
    await done;
    expect((state.error as WsDiscoveryError).code).toBe("WSD_WRITE_VALUE");
  });
});

describe("instance", () => {
  it("WSD-53 WSD-55 PCCRD-28 PCCRD-29 numbers its run by the seconds since 1970", async () => {
    const lan = here.lan.host("192.0.2.1/24");
    const discovery = await openWsDiscovery({
      clock: here.clock,
      random: { bytes: (length) => new Uint8Array(length) },
      datagrams: lan,
      interfaceRefreshMs: 0,
    });
    const said = discovery.announce({ kind: "Bye", address: ADDRESS });
    await here.clock.advance(2_000);
    await said;
    await discovery.close();
    expect(readMessage(here.lan.sent[0]?.bytes ?? new Uint8Array())).toMatchObject({
      appSequence: { instanceId: Math.floor(Date.UTC(2026, 0, 1) / 1_000), messageNumber: 1 },
    });
  });
});
