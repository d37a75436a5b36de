/** A million hostile datagrams through the whole of a service: dropped, counted, never answered with an error. */
import { seededRandom } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { slowRuns } from "../../../test/support/slow.ts";
import { startTargetService } from "../src/index.ts";
import { randomInteger } from "../src/protocol/random.ts";
import { ADDRESS, link, PRINTER, utf8 } from "./support.ts";
import vectors from "./vectors/messages.json" with { type: "json" };

const COUNT = slowRuns(1_000_000);
const PIECES = [
  "<",
  ">",
  "&",
  '"',
  "'",
  "/",
  "\u0000",
  "<!",
  "<!DOCTYPE a>",
  "<!ENTITY a 'b'>",
  "<![CDATA[",
  "]]>",
  "&#x0;",
  "&#1114111;",
  "&a;",
  "xmlns:a=''",
  "xmlns='urn:x'",
  "urn:uuid:",
  "<a>".repeat(40),
  "x".repeat(3_000),
  "é",
  "\ufffe",
  "<?xml version='1.1'?>",
  "0".repeat(30),
  " ",
  "wsd:",
  "soap:mustUnderstand='1'",
].map(utf8);

it("WSD-63 WSD-65 a million mutated messages are dropped and counted", async () => {
  const here = link();
  const random = seededRandom(42);
  const whole = (max: number) => randomInteger(random, 0, max);
  const originals = Object.values(vectors.messages).map(({ xml }) => utf8(xml));
  const { discovery, errors } = await here.host("192.0.2.10/24");
  await startTargetService(discovery, { address: ADDRESS, types: [PRINTER], metadataVersion: 1 });
  await here.clock.advance(2_000);
  let hand = (_bytes: Uint8Array): void => {};
  const tap = here.lan.host("192.0.2.11/24");
  const drops = new Map<string, number>();
  const watched = await here.host(
    {
      interfaces: () => tap.interfaces(),
      async open(options, onDatagram) {
        if (options.shared) hand = (bytes) => onDatagram(bytes, { address: "192.0.2.1", port: 50_000 });
        return tap.open(options, onDatagram);
      },
    },
    { onDrop: (reason) => drops.set(reason, (drops.get(reason) ?? 0) + 1) },
  );
  await startTargetService(watched.discovery, { address: ADDRESS, types: [PRINTER], metadataVersion: 1 });
  const heapBefore = process.memoryUsage().heapUsed;
  for (let i = 0; i < COUNT; i++) {
    let bytes = originals[whole(originals.length - 1)] ?? new Uint8Array();
    for (let edits = whole(3); edits >= 0; edits--) {
      const at = whole(bytes.length);
      const piece = PIECES[whole(PIECES.length - 1)] ?? new Uint8Array();
      const next = new Uint8Array(at + piece.length + Math.max(bytes.length - at - whole(30), 0));
      next.set(bytes.subarray(0, at));
      next.set(piece, at);
      next.set(bytes.subarray(bytes.length - (next.length - at - piece.length)), at + piece.length);
      bytes = next;
    }
    hand(bytes);
    if (i % 10_000 === 0) await here.clock.advance(100);
  }
  await here.clock.advance(2_000);
  expect(drops.get("malformed")).toBeGreaterThan(COUNT / 2);
  expect([...errors, ...watched.errors]).toEqual([]);
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(200_000_000);
  await here.close();
});
