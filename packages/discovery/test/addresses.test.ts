import type { Link } from "dgram-ws-discovery";
import { describe, expect, it } from "vitest";
import { offeredAddresses, usableAddresses } from "../src/addresses.ts";

const link = (name: string, zone: string | undefined, ...addresses: readonly string[]): Link => ({
  key: name,
  name,
  family: zone === undefined ? 4 : 6,
  socketName: name,
  zone,
  addresses: addresses.map((text) => {
    const [address = "", prefix] = text.split("/");
    return {
      name,
      address,
      family: zone === undefined ? 4 : 6,
      prefixLength: Number(prefix),
      internal: name === "lo",
    };
  }),
});
const lan = link("eth0", undefined, "192.0.2.1/24");
const lan6 = link("eth0", "eth0", "fe80::1%eth0/64", "2001:db8::1/64");
const lo = link("lo", undefined, "127.0.0.1/8");
const links = [lan, lan6, lo];
const at = (address: string) => ({ address, port: 50_000 });

describe("offered addresses", () => {
  it.each([
    ["192.0.2.9", lan, ["192.0.2.1:80"]],
    ["fe80::9%eth0", lan6, ["[fe80::1]:80"]],
    ["2001:db8::9", lan6, ["[2001:db8::1]:80"]],
    ["127.0.0.1", lo, ["127.0.0.1:80"]],
    ["198.51.100.1", lan, []],
    ["2001:db8:1::9", lan6, []],
    ["nonsense", lan, []],
  ])("PCCRD-32 PCCRD-33 D-10 to %s", (from, on, expected) => {
    expect(offeredAddresses(at(from), on, 80)).toEqual(expected);
  });
});

describe("usable addresses", () => {
  it.each([
    ["192.0.2.10:80", "192.0.2.10", lan, "192.0.2.10 80"],
    ["http://192.0.2.10:8080/path", "192.0.2.10", lan, "192.0.2.10 8080"],
    ["[2001:db8::2]:80", "fe80::2%eth0", lan6, "2001:db8::2 80"],
    ["[fe80::2]:80", "fe80::2%eth0", lan6, "fe80::2%eth0 80"],
    ["[fe80::2%7]:80", "fe80::2%eth0", lan6, "fe80::2%eth0 80"],
    ["127.0.0.1:80", "127.0.0.1", lo, "127.0.0.1 80"],
  ])("PCCRD-46 D-10 %s from %s", (entry, from, on, expected) => {
    expect(
      usableAddresses([entry], at(from), on, links).map(({ address, port }) => `${address} ${port}`),
    ).toEqual([expected]);
  });

  it.each([
    ["127.0.0.1:80", "192.0.2.10", lan],
    ["198.51.100.1:80", "192.0.2.10", lan],
    ["[2001:db8:1::2]:80", "fe80::2%eth0", lan6],
    ["[fe80::2]:80", "192.0.2.10", lan],
    ["[::1]:80", "fe80::2%eth0", lan6],
    ["[::ffff:192.0.2.10]:80", "192.0.2.10", lan],
    ["server.example:80", "192.0.2.10", lan],
    ["192.0.2.10", "192.0.2.10", lan],
    ["192.0.2.10:0", "192.0.2.10", lan],
    ["192.0.2.10:65536", "192.0.2.10", lan],
    ["https://192.0.2.10:80", "192.0.2.10", lan],
    ["", "192.0.2.10", lan],
  ])("PCCRD-43 PCCRD-44 D-11 not %o from %s", (entry, from, on) => {
    expect(usableAddresses([entry], at(from), on, links)).toEqual([]);
  });

  it("PCCRD-50 all that are usable, in their order, 16 at most", () => {
    const entries = Array.from({ length: 40 }, (_, i) => `192.0.2.${i + 1}:80`);
    const usable = usableAddresses(["203.0.113.1:80", ...entries], at("192.0.2.9"), lan, links);
    expect(usable.map(({ address }) => address)).toEqual(
      Array.from({ length: 16 }, (_, i) => `192.0.2.${i + 1}`),
    );
  });
});
