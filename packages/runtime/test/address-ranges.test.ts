import { describe, expect, it } from "vitest";
import { errorCode } from "../src/index.ts";
import { addressRanges } from "../src/node.ts";

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
