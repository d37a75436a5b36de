/** A million mutated probes and answers of this framework through both roles of a host. */
import { concatBytes, type Endpoint, randomInteger, type UdpPort } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { readMessage } from "dgram-ws-discovery";
import { expect, it } from "vitest";
import { slowRuns } from "../../../test/support/slow.ts";
import type { PeerMatch } from "../src/index.ts";
import { A, HandCache, sha256, site, utf8 } from "./support.ts";
import vectors from "./vectors/messages.json" with { type: "json" };

const COUNT = slowRuns(1_000_000);
const PIECES = [
  "<",
  ">",
  "&",
  '"',
  "\u0000",
  "<!DOCTYPE a>",
  "]]>",
  "&#x0;",
  "<a>".repeat(40),
  "x".repeat(3_000),
  "\ufffe",
  "0".repeat(64),
  "A".repeat(64),
  "A".repeat(20_000),
  "====",
  "////",
  "AAAA",
  "/wAA",
  "ACAA",
  "FFFFFFFF",
  " ",
  " x:1 [::]:80 http://[fe80::1%a]:99999/ 127.0.0.1:80 ",
  "PeerDist:PeerDistDataV2",
  "PeerDist:PeerDistData",
].map(utf8);

/** A host whose datagrams come from here. What it sends is counted, and its last probe kept. */
function wire() {
  const hands: ((bytes: Uint8Array, from: Endpoint) => void)[] = [];
  const state = { answers: 0, probe: new Uint8Array() };
  const udp: UdpPort = {
    interfaces: () => [{ name: "eth0", address: "192.0.2.2", family: 4, prefixLength: 24, internal: false }],
    async open({ port = 50_001 }, onDatagram) {
      hands.push(onDatagram);
      return {
        local: { address: "192.0.2.2", port },
        async send(bytes, to) {
          if (to.port === 3702) state.probe = bytes.slice();
          else state.answers++;
        },
        async close() {},
      };
    },
  };
  return { udp, hands, state };
}

it("PCCRD-19 PCCRD-47 PCCRD-52 a million mutated messages are dropped and counted, or lead nowhere off the link", async () => {
  const here = site();
  const random = seededRandom(43);
  const whole = (max: number) => randomInteger(random, 0, max);
  const { udp, hands, state } = wire();
  const counts = new Map<string, number>();
  const failures: unknown[] = [];
  const { discovery } = await here.host("192.0.2.2/24", {
    cache: new HandCache().add(A, 1),
    negativeTtlMs: 0,
    addressTtlMs: 60_000,
    udp,
    observer: {
      event: (_, name, fields) => void (name === "discovery.failed" && failures.push(fields)),
      measure() {},
      count: (_, amount, labels = {}) => {
        const key = labels["reason"] ?? labels["decision"] ?? "";
        counts.set(key, (counts.get(key) ?? 0) + amount);
      },
    },
  });
  const heapBefore = process.memoryUsage().heapUsed;
  const found = new Set<string>();
  const tell = async (matches: AsyncIterable<PeerMatch>) => {
    for await (const { peer } of matches) for (const { address } of peer.addresses) found.add(address);
  };
  let originals: string[] = [];
  let searches: Promise<void>[] = [];
  for (let i = 0; i < COUNT; i++) {
    if (i % 5_000 === 0) {
      await here.clock.advance(1_000);
      await Promise.all(searches);
      // Answers to the very probe that is open now, in the version that it has.
      const version = i % 10_000 === 0 ? 1 : 2;
      searches = [tell(discovery.find([sha256(`${i}`), A], { version }))];
      await here.clock.advance(0);
      const asked = readMessage(state.probe).messageId;
      originals = Object.entries(vectors.messages)
        .filter(([name]) => name.startsWith(`V${version}`))
        .map(([, { xml }]) => xml.replace(/(<wsa:RelatesTo>)[^<]*/, `$1${asked}`));
    }
    const fresh = `urn:uuid:00000000-0000-4000-8000-${i.toString(16).padStart(12, "0")}`;
    const original = originals[whole(originals.length - 1)] ?? "";
    let bytes = utf8(original.replace(/(<wsa:MessageID>)[^<]*/, `$1${fresh}`));
    for (let edits = whole(3); edits >= 0; edits--) {
      const at = whole(bytes.length);
      const piece = PIECES[whole(PIECES.length - 1)] ?? new Uint8Array();
      const rest = bytes.subarray(Math.min(at + whole(30), bytes.length));
      bytes = concatBytes(bytes.subarray(0, at), piece, rest);
    }
    hands[i % hands.length]?.(bytes, { address: `192.0.2.${3 + whole(200)}`, port: 50_000 });
  }
  await here.clock.advance(2_000);
  await Promise.all(searches);
  expect(counts.get("malformed")).toBeGreaterThan(COUNT / 2);
  expect(failures).toEqual([]);
  expect([...found].filter((address) => !address.startsWith("192.0.2."))).toEqual([]);
  // Some are as good as they were: both roles go on.
  expect([found.size > 0, state.answers > 0]).toEqual([true, true]);
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(200_000_000);
  await here.close();
  expect(here.clock.pending).toBe(0);
});
