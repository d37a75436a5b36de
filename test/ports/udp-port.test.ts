/** What every `UdpPort` does, held against the real one on loopback and the one of the simulated link. */
import {
  type Endpoint,
  errorCode,
  type UdpOpenOptions,
  type UdpPort,
  type UdpSocket,
} from "@branchcache/runtime";
import { manualClock, simulatedLan } from "@branchcache/runtime/testing";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { afterEach, describe, expect, it } from "vitest";

interface Harness {
  readonly port: UdpPort;
  /** Resolves when what was sent has arrived, which is when `isHere` holds. */
  arrival(isHere: () => boolean): Promise<void>;
}

function onSimulatedLink(): Harness {
  const clock = manualClock();
  return { port: simulatedLan({ clock }).host("127.0.0.1/8"), arrival: () => clock.advance(0) };
}

function onLoopback(): Harness {
  return {
    port: nodeDatagramPort,
    arrival: async (isHere) => {
      while (!isHere()) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const GROUP = "239.255.255.250";
const utf8 = (text: string) => new TextEncoder().encode(text);

describe.each([
  ["simulatedLan", onSimulatedLink],
  ["nodeDatagramPort", onLoopback],
])("%s", (_, make) => {
  const { port, arrival } = make();
  const opened: UdpSocket[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((socket) => socket.close()));
  });

  async function open(options: Partial<UdpOpenOptions> = {}) {
    const heard: { readonly text: string; readonly from: Endpoint }[] = [];
    const socket = await port.open({ family: 4, ...options }, (bytes, from) => {
      heard.push({ text: new TextDecoder().decode(bytes), from });
    });
    opened.push(socket);
    return { socket, heard, texts: () => heard.map(({ text }) => text) };
  }
  const at = (socket: UdpSocket): Endpoint => ({ address: "127.0.0.1", port: socket.local.port });
  const listening = (on: number) =>
    open({ port: on, shared: true, join: [{ group: GROUP, interface: "127.0.0.1" }] });
  const sending = () => open({ multicastInterface: "127.0.0.1" });

  it("tells loopback among its addresses", () => {
    expect(port.interfaces()).toContainEqual(
      expect.objectContaining({ address: "127.0.0.1", family: 4, prefixLength: 8 }),
    );
  });

  it("gives free ports, and says where a datagram came from", async () => {
    const one = await open({ address: "127.0.0.1" });
    const other = await open({ address: "127.0.0.1" });
    expect(one.socket.local.port).not.toBe(other.socket.local.port);
    await one.socket.send(utf8("hello"), at(other.socket));
    await arrival(() => other.heard.length > 0);
    expect(other.heard).toEqual([{ text: "hello", from: at(one.socket) }]);
    expect(one.heard).toEqual([]);
  });

  it("takes the bytes before the promise resolves, even none", async () => {
    const one = await open();
    const other = await open();
    const bytes = utf8("first");
    await one.socket.send(bytes, at(other.socket));
    bytes.fill(0);
    await one.socket.send(new Uint8Array(0), at(other.socket));
    await arrival(() => other.heard.length > 1);
    expect(other.texts()).toEqual(["first", ""]);
  });

  it("multicast reaches every socket that joined and shares the port, and no other", async () => {
    const first = await listening(0);
    const { port: shared } = first.socket.local;
    const second = await listening(shared);
    const sender = await sending();
    await sender.socket.send(utf8("who?"), { address: GROUP, port: shared });
    await arrival(() => first.heard.length > 0 && second.heard.length > 0);
    expect([first.texts(), second.texts(), sender.texts()]).toEqual([["who?"], ["who?"], []]);
    expect(first.heard[0]?.from.port).toBe(sender.socket.local.port);
  });

  it("unicast to a shared port reaches the last one opened", async () => {
    const first = await listening(0);
    const second = await listening(first.socket.local.port);
    const sender = await sending();
    await sender.socket.send(utf8("you?"), at(first.socket));
    await arrival(() => first.heard.length + second.heard.length > 0);
    expect([first.texts(), second.texts()]).toEqual([[], ["you?"]]);
  });

  it("refuses a port that is taken", async () => {
    const one = await open();
    const again = await port.open({ family: 4, port: one.socket.local.port }, () => {}).catch(errorCode);
    expect(again).toBe("EADDRINUSE");
  });

  it("closed, twice too, it neither hears nor sends, and its port is free", async () => {
    const one = await open();
    const other = await open();
    const third = await open();
    await one.socket.close();
    await one.socket.close();
    await other.socket.send(utf8("late"), at(one.socket));
    await other.socket.send(utf8("later"), at(third.socket));
    await arrival(() => third.heard.length > 0);
    expect(one.heard).toEqual([]);
    expect(await one.socket.send(utf8("x"), at(other.socket)).catch(errorCode)).toBe(
      "ERR_SOCKET_DGRAM_NOT_RUNNING",
    );
    await open({ port: one.socket.local.port });
  });
});
