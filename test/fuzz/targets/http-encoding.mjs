// @ts-check
/** [MS-PCCRTP] values of header fields, as either side reads them. */
import {
  decide,
  formatPeerDist,
  formatPeerDistEx,
  formatVersion,
  parseAcceptEncoding,
  parseContentEncoding,
  parseContentRange,
  parsePeerDist,
  parsePeerDistEx,
  parseVersion,
} from "@branchcache/http-encoding";
import { mustEqual, utf8 } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

const NOW_MS = Date.UTC(2026, 0, 2);

/** @param {string} text */
function everyField(text) {
  const params = parsePeerDist(text);
  mustEqual(parsePeerDist(formatPeerDist(params)), params, "X-P2P-PeerDist");
  const { malformed: _, ...ex } = parsePeerDistEx(text);
  mustEqual(parsePeerDistEx(formatPeerDistEx(ex)), ex, "X-P2P-PeerDistEx");
  const version = parseVersion(text);
  if (version) mustEqual(parseVersion(formatVersion(version)), version, "version");
  for (const weight of parseAcceptEncoding(text).values()) {
    if (!(weight >= 0 && weight <= 1)) throw new Error(`a weight of ${weight}`);
  }
  parseContentEncoding(text);
  const range = parseContentRange(text);
  if (range && !(range.startBytes < range.endBytes)) throw new Error("a range of nothing");
  return Object.keys(params).length + Object.keys(ex).length > 0 || version || range;
}

/** @param {readonly string[]} lines `name: value` each. */
function fieldsOf(lines) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return fields;
}

/** @type {Target} */
const headers = {
  name: "http-headers",
  seeds: () =>
    [
      "Version=1.1\nMinContentInformation=1.0, MaxContentInformation=2.0\ngzip, peerdist;q=0.5",
      "Version=1.0, ContentLength=150001\nMakeHashRequest=true\nbytes 0-99/1000",
      "HashRequest=true\nMissingDataRequest=true, Version=1.1\n1.23",
      [
        "Accept-Encoding: gzip, peerdist",
        "X-P2P-PeerDist: Version=1.1",
        "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true",
        "Range: bytes=0-99",
      ].join("\n"),
      [
        "Content-Type: text/plain",
        'ETag: "a"',
        "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
        "Content-Length: 150001",
        "Cache-Control: public, max-age=3600",
        "Vary: Accept-Encoding",
        "Content-Range: bytes 0-99/150001",
        "Content-Encoding: identity",
      ].join("\n"),
    ].map((text) => utf8(text)),
  dictionary: [
    "peerdist",
    "identity",
    "q=0",
    "*",
    "\n",
    ", ",
    ";",
    "=",
    "00000000000000000000",
    "bytes=",
    "W/",
  ],
  async open() {
    return {
      run(bytes) {
        const lines = Buffer.from(bytes).toString("latin1").split("\n");
        const some = lines.map((line) => everyField(line.slice(line.indexOf(":") + 1))).some(Boolean);
        const fields = fieldsOf(lines);
        const status = "content-range" in fields ? 206 : 200;
        const decision = decide({
          request: { method: "GET", headers: fields },
          answer: { status, headers: fields },
          ready: [1, 2],
          nowMs: NOW_MS,
        });
        return some ? decision.kind : "refused";
      },
    };
  },
};

export const targets = [headers];
