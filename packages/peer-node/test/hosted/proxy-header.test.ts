import { concatBytes } from "@branchcache/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseProxyHeader } from "../../src/hosted/proxy-header.ts";

const line = (text: string): Uint8Array => new TextEncoder().encode(text);
const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);
const binary = (command: number, family: number, ...body: readonly number[]): Uint8Array =>
  concatBytes(SIGNATURE, Uint8Array.of(0x20 | command, family, body.length >> 8, body.length & 255, ...body));
const V4 = [192, 0, 2, 7, 192, 0, 2, 1, 0xd4, 0x31, 0, 80];
const V6 = [
  ...[0x20, 1, 0x0d, 0xb8, ...new Array(11).fill(0), 7],
  ...new Array(16).fill(1),
  0xd4,
  0x31,
  0,
  80,
];

const good: readonly [string, Uint8Array, { address: string; port: number } | undefined][] = [
  ["TCP4", line("PROXY TCP4 192.0.2.7 192.0.2.1 54321 80\r\n"), { address: "192.0.2.7", port: 54_321 }],
  [
    "TCP6",
    line("PROXY TCP6 2001:db8::7 2001:db8::1 54321 443\r\n"),
    { address: "2001:db8::7", port: 54_321 },
  ],
  ["UNKNOWN", line("PROXY UNKNOWN\r\n"), undefined],
  ["binary, IPv4", binary(1, 0x11, ...V4), { address: "192.0.2.7", port: 54_321 }],
  [
    "binary, IPv4, with additions",
    binary(1, 0x11, ...V4, 4, 0, 1, 9),
    { address: "192.0.2.7", port: 54_321 },
  ],
  ["binary, IPv6", binary(1, 0x21, ...V6), { address: "2001:db8:0:0:0:0:0:7", port: 54_321 }],
  ["binary, of the balancer itself", binary(0, 0), undefined],
];

describe("PROXY headers", () => {
  it.each(good)("reads %s, however it comes, and leaves what follows", (_, bytes, source) => {
    const more = concatBytes(bytes, line("POST / HTTP/1.1\r\n"));
    expect(parseProxyHeader(more)).toEqual({ kind: "header", lengthBytes: bytes.length, source });
    for (let end = 0; end < bytes.length; end++) {
      expect(parseProxyHeader(bytes.subarray(0, end)).kind, String(end)).toEqual("more");
    }
  });

  it.each<[string, Uint8Array]>([
    ["a request without one", line("POST / HTTP/1.1\r\n")],
    ["TLS without one", Uint8Array.of(22, 3, 1)],
    ["a family that is none", line("PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n")],
    ["an address of the other family", line("PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n")],
    ["a name for an address", line("PROXY TCP4 localhost 192.0.2.1 1 2\r\n")],
    ["no ports", line("PROXY TCP4 192.0.2.7 192.0.2.1\r\n")],
    ["too much", line("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n")],
    ["a line without end", line(`PROXY TCP4 ${"1".repeat(200)}`)],
    ["a broken signature", Uint8Array.of(13, 10, 13, 11)],
    ["version 3", concatBytes(SIGNATURE, Uint8Array.of(0x31, 0x11, 0, 12, ...V4))],
    ["a command that is none", binary(2, 0x11, ...V4)],
    ["IPv4 of 11 bytes", binary(1, 0x11, ...V4.slice(1))],
    ["IPv6 of 35 bytes", binary(1, 0x21, ...V6.slice(1))],
    ["a local socket", binary(1, 0x31, ...new Array(216).fill(0))],
    ["a length of 64 KiB", concatBytes(SIGNATURE, Uint8Array.of(0x21, 0x11, 0xff, 0xff))],
  ])("refuses %s", (_, bytes) => {
    expect(parseProxyHeader(bytes).kind).toEqual("malformed");
  });

  it("reads any bytes without throwing, and wants no more than its limit", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(new Uint8Array(0), line("PROXY "), SIGNATURE),
        fc.uint8Array({ maxLength: 300 }),
        (start, rest) => {
          const bytes = concatBytes(start, rest);
          expect(["more", "header", "malformed"]).toContain(parseProxyHeader(bytes).kind);
          const long = concatBytes(bytes, new Uint8Array(1_100));
          expect(parseProxyHeader(long).kind).not.toEqual("more");
        },
      ),
    );
  });
});
