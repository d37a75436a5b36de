import type { NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { manualClock } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { watchRoaming } from "../../src/daemon/roaming.ts";

type Interfaces = ReturnType<typeof networkInterfaces>;

const address = (
  family: "IPv4" | "IPv6",
  text: string,
  more: Partial<NetworkInterfaceInfo> = {},
): NetworkInterfaceInfo =>
  ({
    address: text,
    family,
    internal: false,
    netmask: "",
    mac: "",
    cidr: null,
    scopeid: 0,
    ...more,
  }) as NetworkInterfaceInfo;

const home: Interfaces = {
  lo: [address("IPv4", "127.0.0.1", { internal: true })],
  eth0: [address("IPv4", "10.1.0.7"), address("IPv6", "fe80::1", { scopeid: 2 })],
};

it("a machine has roamed when its addresses are others, and not when a temporary one of IPv6 is", async () => {
  const clock = manualClock();
  let now = home;
  const roamed: string[] = [];
  const end = watchRoaming(
    clock,
    (addresses) => roamed.push(addresses),
    () => now,
  );
  const look = async (interfaces: Interfaces) => {
    now = interfaces;
    await clock.advance(5_000);
    return roamed.splice(0);
  };
  expect(await look({ ...home })).toEqual([]);
  expect(await look({ ...home, eth1: [address("IPv6", "fe80::9", { scopeid: 3 })] })).toEqual([]);
  const ipv6 = (text: string) => ({ ...home, eth0: [...(home["eth0"] ?? []), address("IPv6", text)] });
  expect(await look(ipv6("2001:db8::1"))).toEqual(["eth0 10.1.0.7, eth0 2001:db8:0:0::/64"]);
  expect(await look(ipv6("2001:db8:0:0:1:2:3:4"))).toEqual([]);
  expect(await look(ipv6("2001:db8:0:1::1"))).toHaveLength(1);
  expect(await look({ wlan0: [address("IPv4", "192.168.0.9")] })).toEqual(["wlan0 192.168.0.9"]);
  expect(await look({})).toEqual([""]);
  end();
  expect(clock.pending).toBe(0);
});
