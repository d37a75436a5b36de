import { describe, expect, it } from "vitest";
import { parseDuration, parseListen, parsePort, parseSize } from "../../src/options/option-values.ts";

describe("units as people write them", () => {
  it.each([
    ["4096", 4_096],
    ["64KiB", 65_536],
    ["64 kib", 65_536],
    ["10GB", 10e9],
    ["1.5G", 1.5 * 2 ** 30],
  ])("size %s", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["", "x", "10 parsecs", "-1", "1e9"])("no size: %s", (text) => {
    expect(() => parseSize(text)).toThrow("Not a size");
  });

  it.each([
    ["300ms", 300],
    ["2s", 2_000],
    ["10m", 600_000],
    ["28d", 28 * 86_400_000],
  ])("time %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["5", "s", "1 year"])("no time: %s", (text) => {
    expect(() => parseDuration(text)).toThrow("Not a time");
  });

  it.each([
    ["8080", { port: 8080 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:80", { host: "::1", port: 80 }],
    ["localhost:1337", { host: "localhost", port: 1337 }],
  ])("address %s", (text, address) => {
    expect(parseListen(text)).toEqual(address);
  });

  it.each(["", "host", "1:2:3", "::1:80", "70000", "host:-1"])("no address: %s", (text) => {
    expect(() => parseListen(text)).toThrow("Not a port");
  });

  it.each(["", "65536", "1.5", "-1"])("no port: %s", (text) => {
    expect(() => parsePort(text)).toThrow("Not a port");
  });
});
