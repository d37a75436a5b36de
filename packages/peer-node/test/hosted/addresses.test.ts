import { networkInterfaces } from "node:os";
import { errorCode } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { addressRanges, pullFaultOf } from "../../src/hosted/addresses.ts";

describe("address ranges", () => {
  const inside = addressRanges(["192.0.2.0/24", " 198.51.100.7", "2001:db8::/32", "fe80::/10"]);
  it.each([
    ["192.0.2.1", true],
    ["192.0.3.1", false],
    ["198.51.100.7", true],
    ["198.51.100.8", false],
    ["2001:db8:1::1", true],
    ["2001:db9::1", false],
    ["fe80::1%eth0", true],
    ["nonsense", false],
    ["", false],
  ])("%s: %s", (address, expected) => {
    expect(inside(address)).toEqual(expected);
  });

  it.each(["", "office", "192.0.2.0/33", "192.0.2.0/x", "192.0.2.0/24/8", "2001:db8::/129", "192.0.2"])(
    "refuses %j",
    (text) => {
      let thrown: unknown;
      try {
        addressRanges([text]);
      } catch (error) {
        thrown = error;
      }
      expect(errorCode(thrown)).toEqual("BC_INVALID_ARGUMENT");
    },
  );
});

describe("whom a hosted cache asks for blocks", () => {
  const fault = pullFaultOf(manualClock());
  it.each([
    ["192.0.2.1", undefined],
    ["2001:db8::1", undefined],
    ["fe80::1%eth0", undefined],
    ["127.0.0.1", "loopback"],
    ["127.9.9.9", "loopback"],
    ["::1", "loopback"],
    ["0.0.0.0", "no host's address"],
    ["::", "no host's address"],
    ["224.0.0.1", "no host's address"],
    ["255.255.255.255", "no host's address"],
    ["ff02::c", "no host's address"],
    ["", "no address"],
    ["example.net", "no address"],
  ])("%j: %s", (address, expected) => {
    expect(fault({ address })).toEqual(expected);
  });

  it("never this machine itself", () => {
    const own = Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).filter((one) => !one.internal),
    );
    for (const { address } of own) expect(fault({ address }), address).toEqual("an address of this machine");
  });
});
