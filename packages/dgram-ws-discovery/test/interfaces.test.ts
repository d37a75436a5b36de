import { describe, expect, it } from "vitest";
import { type DatagramPort, type InterfaceAddress, startTargetService } from "../src/index.ts";
import { ADDRESS, gather, type Link, linkForEach } from "./support.ts";

const service = { address: ADDRESS, metadataVersion: 1 };

/** A host of the simulated link whose interfaces can be taken away and given back. */
function changing(lan: Link["lan"], ...addresses: readonly string[]) {
  const whole = lan.host(...addresses);
  const down = new Set<string>();
  let opened = 0;
  const port: DatagramPort = {
    interfaces: (): InterfaceAddress[] => whole.interfaces().filter((own) => !down.has(own.address)),
    async open(options, onDatagram) {
      const socket = await whole.open(options, onDatagram);
      opened++;
      let closed = false;
      return {
        ...socket,
        async close() {
          if (!closed) opened--;
          closed = true;
          await socket.close();
        },
      };
    },
  };
  return { port, down, open: () => opened };
}

describe("interfaces that come and go", () => {
  let here: Link;
  linkForEach((fresh) => {
    here = fresh;
  });

  it.each([-1, 0, 65_536, Number.NaN])("a port of %d is refused at once", async (port) => {
    await expect(here.host("192.0.2.10/24", { port })).rejects.toMatchObject({ code: "WSD_OPTION" });
  });

  it("WSD-21 are joined when they come, greeted, and left when they go", async () => {
    const { port, down, open } = changing(here.lan, "192.0.2.10/24", "198.51.100.10/24");
    down.add("198.51.100.10");
    const { discovery } = await here.host(port, { interfaceRefreshMs: 5_000 });
    const added: string[] = [];
    discovery.onLinksAdded((links) => added.push(...links.map((entry) => entry.socketName)));
    await startTargetService(discovery, service);
    await here.clock.advance(4_999);
    const before = here.messages("Hello").length;
    expect(open()).toBe(2);

    down.clear();
    await here.clock.advance(3_000);
    expect(added).toEqual(["198.51.100.10"]);
    expect(open()).toBe(3);
    const hellos = here.lan.sent.slice(before).map(({ from }) => from.address);
    expect(new Set(hellos)).toEqual(new Set(["198.51.100.10"]));

    const asking = await here.host("198.51.100.1/24");
    const { found, done } = gather(asking.discovery.probe({}, { timeoutMs: 1_000 }));
    await here.clock.advance(1_000);
    await done;
    expect(found).toHaveLength(1);

    down.add("192.0.2.10");
    await here.clock.advance(5_000);
    expect(discovery.links.map((entry) => entry.socketName)).toEqual(["198.51.100.10"]);
    expect(open()).toBe(2);

    down.add("198.51.100.10");
    await here.clock.advance(5_000);
    expect(open()).toBe(0);

    down.clear();
    await here.clock.advance(5_000);
    expect(open()).toBe(3);
    await discovery.close();
    expect(open()).toBe(0);
  });

  it("W-15 a source is off the link as soon as the interface that it was on has gone", async () => {
    const { port, down } = changing(here.lan, "192.0.2.10/24", "198.51.100.10/24");
    const { discovery, drops } = await here.host(port, { interfaceRefreshMs: 5_000 });
    await startTargetService(discovery, service);
    const near = await here.host("192.0.2.1/24");
    const ask = async () => {
      const { found, done } = gather(
        near.discovery.probe({}, { timeoutMs: 1_000, to: { address: "192.0.2.10", port: 3702 } }),
      );
      await here.clock.advance(1_000);
      await done;
      return found.length;
    };
    expect([await ask(), await ask()]).toEqual([1, 1]);
    down.add("192.0.2.10");
    await here.clock.advance(5_000);
    drops.length = 0;
    expect(await ask()).toBe(0);
    expect(new Set(drops)).toEqual(new Set(["off_link"]));
    down.clear();
    await here.clock.advance(5_000);
    expect(await ask()).toBe(1);
  });

  it("a join that fails is told once, tried again, and disturbs no other", async () => {
    const { port, open } = changing(here.lan, "192.0.2.10/24", "198.51.100.10/24");
    let broken = true;
    let joined: readonly string[] = [];
    const { discovery, errors } = await here.host(
      {
        ...port,
        open: async (options, onDatagram) => {
          if (broken && options.join?.some((join) => join.interface === "198.51.100.10")) {
            throw Object.assign(new Error("no more memberships"), { code: "ENOBUFS" });
          }
          if (options.join) joined = options.join.map((join) => join.interface);
          return port.open(options, onDatagram);
        },
      },
      { interfaceRefreshMs: 1_000 },
    );
    await startTargetService(discovery, service);
    const near = await here.host("192.0.2.1/24");
    const answers = async () => {
      const { found, done } = gather(near.discovery.probe({}, { timeoutMs: 1_000 }));
      await here.clock.advance(1_000);
      await done;
      return found.length;
    };
    await here.clock.advance(3_000);
    expect([await answers(), open(), joined]).toEqual([1, 3, ["192.0.2.10"]]);
    expect(errors).toMatchObject([{ code: "WSD_INTERFACE", cause: { code: "ENOBUFS" } }]);
    broken = false;
    await here.clock.advance(1_000);
    expect([await answers(), open(), joined]).toEqual([1, 3, ["192.0.2.10", "198.51.100.10"]]);
  });

  it("a system that cannot list them is told of, and asked again", async () => {
    const port = here.lan.host("192.0.2.10/24");
    let broken = true;
    const { discovery, errors } = await here.host(
      {
        ...port,
        interfaces: () => {
          if (broken) throw new Error("not allowed");
          return port.interfaces();
        },
      },
      { interfaceRefreshMs: 1_000 },
    );
    await here.clock.advance(2_000);
    expect(errors.map((error) => error.message)).toEqual(["interface list: not allowed"]);
    broken = false;
    await here.clock.advance(1_000);
    expect(discovery.links).toHaveLength(1);
  });

  it("nothing is opened again while nothing changes", async () => {
    const { port } = changing(here.lan, "192.0.2.10/24");
    let opens = 0;
    const { discovery } = await here.host(
      {
        ...port,
        open: (options, onDatagram) => {
          opens++;
          return port.open(options, onDatagram);
        },
      },
      { interfaceRefreshMs: 1_000 },
    );
    await discovery.respond({ onProbe: () => undefined });
    await here.clock.advance(10_000);
    expect(opens).toBe(2);
  });
});
