import { describe, expect, it } from "vitest";
import { type Endpoint, formatEndpoint, parseEndpoint, plainAddress } from "../src/index.ts";

describe("endpoints", () => {
  it.each<readonly [string, Endpoint]>([
    ["192.0.2.1:80", { address: "192.0.2.1", port: 80 }],
    ["192.0.2.1:65535", { address: "192.0.2.1", port: 65_535 }],
    ["[2001:db8::1]:80", { address: "2001:db8::1", port: 80 }],
    ["[fe80::1%eth0]:3702", { address: "fe80::1%eth0", port: 3702 }],
    ["[::1]:1", { address: "::1", port: 1 }],
  ])("%s is read and written", (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
    expect(formatEndpoint(endpoint)).toBe(text);
  });

  it.each([
    "",
    "192.0.2.1",
    "192.0.2.1:",
    "192.0.2.1:0",
    "192.0.2.1:65536",
    "192.0.2.1:999999",
    "192.0.2.1:-1",
    "192.0.2.1:8x",
    " 192.0.2.1:80",
    "192.0.2.1:80\n",
    "2001:db8::1:80",
    "[2001:db8::1]",
    "[2001:db8::1]80",
    "[]:80",
    "[192.0.2.1]:80",
    ":80",
  ])("%j is none", (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});

describe("plainAddress", () => {
  it.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "::ffff:c000:201"],
  ])("makes of %s %s", (address, expected) => {
    expect(plainAddress(address)).toBe(expected);
  });
});
