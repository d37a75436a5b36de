import { describe, expect, it } from "vitest";
import { parseDuration, parseListen, parsePort, parseSize } from "../src/option-values.ts";
import { formatBytes, formatCount, formatDuration, formatRate, formatShare } from "../src/units.ts";

describe("units as people read them", () => {
  it.each([
    [formatBytes(0), "0 B"],
    [formatBytes(1_536), "1.5 KiB"],
    [formatBytes(3 * 2 ** 30), "3 GiB"],
    [formatRate(2 ** 20, 500), "2 MiB/s"],
    [formatRate(5, 0), "-"],
    [formatDuration(1_234), "1.23s"],
    [formatDuration(200_000), "3m 20s"],
    [formatCount(1, "block"), "1 block"],
    [formatCount(0, "segment"), "0 segments"],
    [formatShare(1, 8), "12.5 %"],
    [formatShare(0, 0), "-"],
  ])("%s", (shown, expected) => {
    expect(shown).toBe(expected);
  });
});

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
