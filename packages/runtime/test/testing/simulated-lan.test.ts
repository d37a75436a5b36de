import { beforeEach, describe, expect, it } from "vitest";
import { type Endpoint, errorCode, toHex, type UdpOpenOptions, type UdpPort } from "../../src/index.ts";
import {
  type ManualClock,
  manualClock,
  type SimulatedLan,
  type SimulatedLanOptions,
  seededRandom,
  simulatedLan,
} from "../../src/testing.ts";

const GROUP4 = "239.255.255.250";
const GROUP6 = "ff02::c";

let clock: ManualClock;

beforeEach(() => {
  clock = manualClock();
  return () => expect(clock.pending).toBe(0);
});

const lanWith = (options: Omit<SimulatedLanOptions, "clock"> = {}): SimulatedLan =>
  simulatedLan({ clock, ...options });

/** A socket and what it received, as `hex from endpoint`. */
async function listener(port: UdpPort, options: UdpOpenOptions) {
  const received: { readonly hex: string; readonly from: Endpoint; readonly atMs: number }[] = [];
  const socket = await port.open(options, (bytes, from) =>
    received.push({ hex: toHex(bytes), from, atMs: clock.monotonicMs() }),
  );
  return { socket, received, hexes: () => received.map((entry) => entry.hex) };
}

describe("unicast", () => {
  it("reaches the one addressed, from the sender's address and port", async () => {
    const lan = lanWith();
    const sender = await listener(lan.host("192.0.2.1/24"), { family: 4 });
    const wanted = await listener(lan.host("192.0.2.2/24"), { family: 4, port: 80 });
    const otherHost = await listener(lan.host("192.0.2.3/24"), { family: 4, port: 80 });
    const otherPort = await listener(lan.host("192.0.2.2/24"), { family: 4, port: 81 });
    await sender.socket.send(Uint8Array.of(1, 2), { address: "192.0.2.2", port: 80 });
    await clock.advance(0);
    expect(wanted.received).toEqual([
      { hex: "0102", from: { address: "192.0.2.1", port: sender.socket.local.port }, atMs: 0 },
    ]);
    expect([...otherHost.received, ...otherPort.received, ...sender.received]).toEqual([]);
  });

  it("is answered to where it came from", async () => {
    const lan = lanWith();
    const client = await listener(lan.host("fe80::1%eth0/64"), { family: 6 });
    const serverPort = lan.host("fe80::2%eth0/64");
    const server = await serverPort.open({ family: 6, port: 3702 }, (bytes, from) => {
      void server.send(bytes, from);
    });
    await client.socket.send(Uint8Array.of(7), { address: "fe80::2%eth0", port: 3702 });
    await clock.advance(0);
    expect(client.received).toEqual([{ hex: "07", from: { address: "fe80::2%eth0", port: 3702 }, atMs: 0 }]);
  });

  it("to nobody is lost, and still seen on the link", async () => {
    const lan = lanWith();
    const sender = await listener(lan.host("192.0.2.1/24"), { family: 4, port: 5000 });
    const to = { address: "192.0.2.9", port: 80 };
    await sender.socket.send(Uint8Array.of(1), to);
    expect(lan.sent).toEqual([{ bytes: Uint8Array.of(1), from: { address: "192.0.2.1", port: 5000 }, to }]);
  });

  it("to a shared port goes to the last one opened", async () => {
    const lan = lanWith();
    const host = lan.host("192.0.2.2/24");
    const first = await listener(host, { family: 4, port: 3702, shared: true });
    const last = await listener(host, { family: 4, port: 3702, shared: true });
    await first.socket.send(Uint8Array.of(1), { address: "192.0.2.2", port: 3702 });
    await clock.advance(0);
    expect([first.hexes(), last.hexes()]).toEqual([[], ["01"]]);
  });

  it("bound to one address, a socket hears that one alone", async () => {
    const lan = lanWith();
    const host = lan.host("192.0.2.2/24", "198.51.100.2/24");
    const bound = await listener(host, { family: 4, port: 80, address: "198.51.100.2" });
    const sender = await listener(lan.host("192.0.2.1/24"), { family: 4 });
    await sender.socket.send(Uint8Array.of(1), { address: "192.0.2.2", port: 80 });
    await sender.socket.send(Uint8Array.of(2), { address: "198.51.100.2", port: 80 });
    await clock.advance(0);
    expect(bound.hexes()).toEqual(["02"]);
  });
});

describe("multicast", () => {
  it.each([
    [4, GROUP4, "192.0.2.1/24", "192.0.2.2/24", "192.0.2.2"],
    [6, GROUP6, "fe80::1%eth0/64", "fe80::2%eth0/64", "::%eth0"],
  ] as const)(
    "IPv%d: reaches every socket that joined, the sender's own too",
    async (family, group, one, two, via) => {
      const lan = lanWith();
      const join = [{ group, interface: via }];
      const sender = await listener(lan.host(one), { family, port: 3702, join });
      const host = lan.host(two);
      const joined = await listener(host, { family, port: 3702, shared: true, join });
      const joinedToo = await listener(host, { family, port: 3702, shared: true, join });
      const notJoined = await listener(lan.host(two), { family, port: 3702 });
      const joinedElsewhere = await listener(host, { family, port: 3703, join });
      await sender.socket.send(Uint8Array.of(5), { address: group, port: 3702 });
      await clock.advance(0);
      expect([sender, joined, joinedToo, notJoined, joinedElsewhere].map((entry) => entry.hexes())).toEqual([
        ["05"],
        ["05"],
        ["05"],
        [],
        [],
      ]);
    },
  );

  it("leaves from the interface that was named", async () => {
    const lan = lanWith();
    const port = lan.host("fe80::1%eth0/64", "fe80::2%eth1/64");
    const sender = await listener(port, { family: 6, multicastInterface: "::%eth1" });
    await sender.socket.send(Uint8Array.of(1), { address: "ff02::c%eth1", port: 3702 });
    expect(lan.sent[0]?.from.address).toBe("fe80::2%eth1");
  });
});

describe("sockets", () => {
  it("get ports of their own when they ask for none", async () => {
    const host = lanWith().host("192.0.2.1/24");
    const ports = new Set<number>();
    for (let i = 0; i < 10; i++) ports.add((await listener(host, { family: 4 })).socket.local.port);
    expect(ports.size).toBe(10);
  });

  it("cannot have a port that is taken, unless both share it", async () => {
    const lan = lanWith();
    const host = lan.host("192.0.2.1/24");
    const taken = await listener(host, { family: 4, port: 80 });
    await expect(listener(host, { family: 4, port: 80 })).rejects.toSatisfy(
      (error) => errorCode(error) === "EADDRINUSE",
    );
    await expect(listener(host, { family: 4, port: 80, shared: true })).rejects.toThrow(
      "EADDRINUSE 0.0.0.0:80",
    );
    await listener(lan.host("192.0.2.2/24"), { family: 4, port: 80 });
    await taken.socket.close();
    await listener(host, { family: 4, port: 80 });
  });

  it("closed, twice too, neither hear nor send", async () => {
    const lan = lanWith({ delayMs: [10, 10] });
    const sender = await listener(lan.host("192.0.2.1/24"), { family: 4 });
    const closing = await listener(lan.host("192.0.2.2/24"), { family: 4, port: 80 });
    await sender.socket.send(Uint8Array.of(1), { address: "192.0.2.2", port: 80 });
    await closing.socket.close();
    await closing.socket.close();
    await clock.advance(10);
    expect(closing.hexes()).toEqual([]);
    await expect(closing.socket.send(Uint8Array.of(1), { address: "192.0.2.1", port: 1 })).rejects.toSatisfy(
      (error) => errorCode(error) === "ERR_SOCKET_DGRAM_NOT_RUNNING",
    );
  });

  it("keep their datagrams apart from the sender's buffer and from each other", async () => {
    const lan = lanWith();
    const join = [{ group: GROUP4, interface: "192.0.2.1" }];
    const overwriting = await lan
      .host("192.0.2.2/24")
      .open({ family: 4, port: 3702, join }, (bytes) => bytes.fill(0xff));
    const reading = await listener(lan.host("192.0.2.3/24"), { family: 4, port: 3702, join });
    const buffer = Uint8Array.of(1, 2);
    await overwriting.send(buffer, { address: GROUP4, port: 3702 });
    buffer.fill(9);
    await clock.advance(0);
    expect(reading.hexes()).toEqual(["0102"]);
  });

  it("see the interfaces of their host", () => {
    expect(lanWith().host("192.0.2.1/24", "fe80::1%wlan0/64").interfaces()).toEqual([
      { name: "eth0", address: "192.0.2.1", family: 4, prefixLength: 24, internal: false },
      { name: "wlan0", address: "fe80::1%wlan0", family: 6, prefixLength: 64, internal: false },
    ]);
  });
});

describe("faults", () => {
  /** What one receiver gets of 200 numbered datagrams, sent at once. */
  async function run(options: Omit<SimulatedLanOptions, "clock">): Promise<readonly number[]> {
    const lan = lanWith(options);
    const receiver = await listener(lan.host("192.0.2.2/24"), { family: 4, port: 80 });
    const sender = await listener(lan.host("192.0.2.1/24"), { family: 4 });
    for (let i = 0; i < 200; i++) {
      await sender.socket.send(Uint8Array.of(i), { address: "192.0.2.2", port: 80 });
    }
    await clock.advance(100);
    return receiver.hexes().map((hex) => Number.parseInt(hex, 16));
  }
  const everyOne = Array.from({ length: 200 }, (_, i) => i);

  it("without any, everything arrives once and in order", async () => {
    expect(await run({})).toEqual(everyOne);
  });

  it("loss: about the share asked for, the same for the same seed", async () => {
    const arrived = await run({ random: seededRandom(1), loss: 0.25 });
    expect(arrived.length).toBeGreaterThan(120);
    expect(arrived.length).toBeLessThan(180);
    expect(arrived).toEqual([...new Set(arrived)].sort((a, b) => a - b));
    expect(await run({ random: seededRandom(1), loss: 0.25 })).toEqual(arrived);
    expect(await run({ random: seededRandom(2), loss: 0.25 })).not.toEqual(arrived);
  });

  it("loss of 1 loses everything", async () => {
    expect(await run({ random: seededRandom(1), loss: 1 })).toEqual([]);
  });

  it("repeats: some arrive twice, none is missing", async () => {
    const arrived = await run({ random: seededRandom(3), repeat: 0.5 });
    expect([...new Set(arrived)]).toEqual(everyOne);
    expect(arrived.length).toBeGreaterThan(250);
    expect(arrived.length).toBeLessThan(350);
  });

  it("jitter: everything arrives, in another order, the same for the same seed", async () => {
    const options = { delayMs: [1, 50] } as const;
    const arrived = await run({ random: seededRandom(4), ...options });
    expect(arrived).not.toEqual(everyOne);
    expect(arrived.toSorted((a, b) => a - b)).toEqual(everyOne);
    expect(await run({ random: seededRandom(4), ...options })).toEqual(arrived);
  });

  it("a delay without jitter needs no seed", async () => {
    const lan = lanWith({ delayMs: [30, 30] });
    const receiver = await listener(lan.host("192.0.2.2/24"), { family: 4, port: 80 });
    await receiver.socket.send(Uint8Array.of(1), { address: "192.0.2.2", port: 80 });
    await clock.advance(100);
    expect(receiver.received.map((entry) => entry.atMs)).toEqual([30]);
  });

  it.each([{ loss: 0.1 }, { repeat: 0.1 }, { delayMs: [1, 2] }] as const)(
    "%o without a seed is refused",
    (options) => {
      expect(() => lanWith(options)).toThrow(TypeError);
    },
  );
});
