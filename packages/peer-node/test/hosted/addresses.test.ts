import { networkInterfaces } from "node:os";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { pullFaultOf } from "../../src/hosted/addresses.ts";

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
