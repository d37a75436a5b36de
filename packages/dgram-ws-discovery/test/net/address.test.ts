import { describe, expect, it } from "vitest";
import { withoutZone } from "../../src/net/address.ts";
import { chooseLinks, missingInterfaces } from "../../src/net/links.ts";
import type { InterfaceAddress } from "../../src/ports.ts";
import { isLinkLocal, isLoopback, isOnSubnet, parseAddress } from "../../src/profile.ts";

const own = (text: string, name = "eth0", internal = false): InterfaceAddress => {
  const [address = "", prefix] = text.split("/");
  return { name, address, family: address.includes(":") ? 6 : 4, prefixLength: Number(prefix), internal };
};

describe("parseAddress", () => {
  it.each([
    ["192.0.2.1", "c0000201"],
    ["::", "00".repeat(16)],
    ["::1", `${"00".repeat(15)}01`],
    ["2001:db8::1", `20010db8${"00".repeat(11)}01`],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["::ffff:192.0.2.1", `${"00".repeat(10)}ffffc0000201`],
    ["fe80::%eth0", `fe80${"00".repeat(14)}`],
  ])("%s", (text, hex) => {
    expect(Buffer.from(parseAddress(text)?.bytes ?? []).toString("hex")).toBe(hex);
  });

  it.each([
    "",
    "example.org",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.-4",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "g::1",
    "12345::",
    "fe80::1%",
    "1.2.3.4::",
  ])("refuses %o", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it("keeps the zone", () => {
    expect(parseAddress("fe80::1%eth0")?.zone).toBe("eth0");
    expect(withoutZone("fe80::1%eth0")).toBe("fe80::1");
    expect(withoutZone("192.0.2.1")).toBe("192.0.2.1");
  });
});

describe("kinds of addresses", () => {
  const is = (check: typeof isLoopback, text: string) => {
    const address = parseAddress(text);
    return address && check(address);
  };
  it.each([
    ["fe80::1%a", true],
    ["febf::1", true],
    ["fec0::1", false],
    ["169.254.1.1", false],
  ])("%s is link-local: %s", (text, expected) => expect(is(isLinkLocal, text)).toBe(expected));
  it.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["::2", false],
    ["192.0.2.1", false],
  ])("%s is loopback: %s", (text, expected) => expect(is(isLoopback, text)).toBe(expected));
});

describe("isOnSubnet", () => {
  it.each([
    ["192.0.2.200", "192.0.2.1/24", true],
    ["192.0.3.1", "192.0.2.1/24", false],
    ["192.0.2.126", "192.0.2.1/25", true],
    ["192.0.2.129", "192.0.2.1/25", false],
    ["192.0.2.1", "192.0.2.1/32", true],
    ["192.0.2.2", "192.0.2.1/32", false],
    ["203.0.113.9", "192.0.2.1/0", true],
    ["2001:db8::9", "2001:db8::1/64", true],
    ["2001:db8:0:1::9", "2001:db8::1/64", false],
    ["192.0.2.1", "2001:db8::1/64", false],
    ["fe80::9%eth0", "fe80::1%eth0/64", true],
    ["fe80::9%eth1", "fe80::1%eth0/64", false],
    ["fe80::9", "fe80::1%eth0/64", false],
  ])("%s on %s: %s", (text, subnet, expected) => {
    const address = parseAddress(text);
    expect(address && isOnSubnet(address, own(subnet))).toBe(expected);
  });
});

describe("links", () => {
  const host = [
    own("127.0.0.1/8", "lo", true),
    own("::1/128", "lo", true),
    own("192.0.2.1/24"),
    own("192.0.2.2/24"),
    own("198.51.100.1/24"),
    own("2001:db8::1/64"),
    own("fe80::1%eth0/64"),
    own("203.0.113.1/24", "eth1"),
  ];
  const chosen = (wanted?: readonly string[], families: readonly (4 | 6)[] = [4, 6]) =>
    chooseLinks(host, wanted, families).map((link) => `${link.name} ${link.socketName}`);

  it("WSD-70 one for each IPv4 subnet and each IPv6 interface, loopback left out", () => {
    expect(chosen()).toEqual(["eth0 192.0.2.1", "eth0 198.51.100.1", "eth0 ::%eth0", "eth1 203.0.113.1"]);
    expect(chooseLinks(host, undefined, [4])[0]?.addresses.map((entry) => entry.address)).toEqual([
      "192.0.2.1",
      "192.0.2.2",
    ]);
  });

  it.each([
    [["eth1"], ["eth1 203.0.113.1"]],
    [["192.0.2.2"], ["eth0 192.0.2.2"]],
    [["fe80::1"], ["eth0 ::%eth0"]],
    [["lo"], ["lo 127.0.0.1"]],
    [["127.0.0.1"], ["lo 127.0.0.1"]],
    [["::1"], ["lo ::%lo"]],
    [["none"], []],
  ])("%o", (wanted, expected) => {
    expect(chosen(wanted)).toEqual(expected);
  });

  it("takes a numbered zone from the link-local address", () => {
    const windows = [own("2001:db8::1/64", "Ethernet"), own("fe80::1%12/64", "Ethernet")];
    expect(chooseLinks(windows, undefined, [6])).toMatchObject([
      { name: "Ethernet", zone: "12", socketName: "::%12" },
    ]);
  });

  it("names what is missing", () => {
    expect(missingInterfaces(host, ["eth0", "wlan0", "192.0.2.9", "::1"])).toEqual(["wlan0", "192.0.2.9"]);
    expect(missingInterfaces(host, undefined)).toEqual([]);
  });
});
