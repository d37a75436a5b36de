import { networkInterfaces } from "node:os";
import { describe, expect, it, vi } from "vitest";
import { openWsDiscovery, startTargetService, type WsDiscoveryOptions } from "../src/index.ts";
import { nodeDatagramPort, systemClock, systemRandom } from "../src/node.ts";
import { ADDRESS, PRINTER } from "./support.ts";

/** A port that is free now. */
async function freePort(): Promise<number> {
  const socket = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
  await socket.close();
  return socket.local.port;
}

describe("nodeDatagramPort", () => {
  it("tells every address of the system, link-local ones with their zone", () => {
    const expected = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const told = nodeDatagramPort.interfaces();
    expect(told).toHaveLength(expected.length);
    expect(told).toContainEqual({
      name: expect.any(String),
      address: "127.0.0.1",
      family: 4,
      prefixLength: 8,
      internal: true,
    });
    for (const own of told) {
      if (/^fe80:/i.test(own.address)) expect(own.address).toBe(`${own.address.split("%")[0]}%${own.name}`);
    }
  });

  it("carries datagrams both ways, and closes twice", async () => {
    const heard: string[] = [];
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const b = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, (bytes, from) => {
      heard.push(`${new TextDecoder().decode(bytes)} ${from.address} ${from.port}`);
      arrive();
    });
    const a = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
    await a.send(new TextEncoder().encode("hello"), b.local);
    await arrived;
    expect(heard).toEqual([`hello 127.0.0.1 ${a.local.port}`]);
    await Promise.all([a.close(), a.close(), b.close()]);
    await expect(a.send(new Uint8Array(1), b.local)).rejects.toMatchObject({
      code: "ERR_SOCKET_DGRAM_NOT_RUNNING",
    });
  });

  it("rejects a port in use, unless it is shared", async () => {
    const first = await nodeDatagramPort.open({ family: 4 }, () => {});
    const { port } = first.local;
    await expect(nodeDatagramPort.open({ family: 4, port }, () => {})).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
    await first.close();
    const shared = await nodeDatagramPort.open({ family: 4, port, shared: true }, () => {});
    const again = await nodeDatagramPort.open({ family: 4, port, shared: true }, () => {});
    await Promise.all([shared.close(), again.close()]);
  });

  it("rejects an interface that is not there", async () => {
    const join = [{ group: "239.255.255.250", interface: "192.0.2.254" }];
    await expect(nodeDatagramPort.open({ family: 4, join }, () => {})).rejects.toMatchObject({
      code: expect.stringMatching(/^E/),
    });
  });
});

describe("loopback", () => {
  it("WSD-1 WSD-71 a client finds a target service by real multicast", async () => {
    const options: WsDiscoveryOptions = {
      clock: systemClock,
      random: systemRandom,
      datagrams: nodeDatagramPort,
      interfaces: ["127.0.0.1"],
      port: await freePort(),
    };
    await using serving = await openWsDiscovery(options);
    await using asking = await openWsDiscovery(options);
    const service = { address: ADDRESS, types: [PRINTER], xAddrs: ["http://127.0.0.1/"], metadataVersion: 1 };
    await startTargetService(serving, service, { appMaxDelayMs: 1 });
    for await (const match of asking.probe({ types: [PRINTER] }, { timeoutMs: 10_000 })) {
      expect(match).toMatchObject({ service, from: { address: "127.0.0.1" }, link: { family: 4 } });
      return;
    }
    expect.unreachable("no match came");
  });
});

describe("systemClock", () => {
  it("waits longer than the 2^31 ms of one timer, unless it is cancelled", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const done: string[] = [];
      const cancel = systemClock.after(2 ** 32, () => done.push("cancelled"));
      systemClock.after(2 ** 32, () => done.push("ours"));
      vi.advanceTimersByTime(2 ** 31);
      cancel();
      vi.advanceTimersByTime(2 ** 31 - 1);
      expect(done).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(done).toEqual(["ours"]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("what is due at once is done in the next turn, unless it is cancelled", async () => {
    const done: string[] = [];
    systemClock.after(0, () => done.push("cancelled"))();
    systemClock.after(0, () => done.push("ours"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toEqual(["ours"]);
  });
});
