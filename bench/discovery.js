// @ts-check
/**
 * Probes dismissed and answered with many segments held, beside only parsing the same datagrams, in processor
 * time; and the time to the first answer on loopback, beside a datagram there and one back.
 * `node bench/discovery.js [probes] [segments held]`; the aims are for a million segments.
 */
import { createHash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { startPeerDiscovery } from "@branchcache/discovery";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { readMessage, writeMessage } from "dgram-ws-discovery";
import { nodeDatagramPort } from "dgram-ws-discovery/node";

const probes = Number(process.argv[2] ?? 20_000);
const segments = Number(process.argv[3] ?? 1_000_000);
const PEERDIST = "http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery";
const WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery";

/** Spread over the whole range, as hashes are. @param {number} n */
function idOf(n) {
  const id = new Uint8Array(32);
  const view = new DataView(id.buffer);
  view.setUint32(0, Math.imul(n, 2_654_435_761) >>> 0);
  view.setUint32(4, n);
  return id;
}
/** @param {Uint8Array} id */
const hex = (id) => Buffer.from(id).toString("hex");

/** @type {Map<string, { heldBlocks: number, totalBlocks: number, createdMs: number }>} */
const cache = new Map();
for (let n = 0; n < segments; n++) {
  cache.set(hex(idOf(n)), { heldBlocks: 1, totalBlocks: 1, createdMs: 0 });
}
const held = {
  /** @param {readonly Uint8Array[]} ids */
  holds: async (ids) => ids.map((id) => cache.get(hex(id))),
};

/** A version 1.0 probe for one segment, as iPXE sends it. @param {Uint8Array} id @param {number} n */
function probe(id, n) {
  return writeMessage(
    {
      version: "2005/04",
      kind: "Probe",
      messageId: `urn:uuid:00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`,
      probe: {
        types: [{ uri: PEERDIST, local: "PeerDistData" }],
        scopes: [hex(id).toUpperCase()],
        matchBy: `${WSD}/strcmp0`,
      },
    },
    { prefixes: { PeerDist: PEERDIST } },
  );
}

/** Processor time of all threads, in microseconds for each probe. @param {() => Promise<void>} work */
async function processorTime(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / probes;
}

/** @param {string} name @param {number} microseconds @param {number} reference */
function report(name, microseconds, reference) {
  const perSecond = Math.round(1_000_000 / microseconds);
  console.log(
    `${name.padEnd(12)} ${microseconds.toFixed(1).padStart(7)} us each, ${String(perSecond).padStart(7)} a second a core, ` +
      `${(reference / microseconds).toFixed(2)} of parsing only`,
  );
}

/** A network of one host whose datagrams come from here, each from another source. */
let sent = 0;
/** @type {import("@branchcache/runtime").DatagramHandler} */
let hand = () => {};
/** @type {import("@branchcache/runtime").UdpPort} */
const udp = {
  interfaces: () => [{ name: "eth0", address: "10.0.0.1", family: 4, prefixLength: 8, internal: false }],
  async open(options, onDatagram) {
    if (options.shared) hand = onDatagram;
    return {
      local: { address: "10.0.0.1", port: options.port ?? 0 },
      async send() {
        sent++;
      },
      async close() {},
    };
  },
};

/** Some at a time, as answers wait for their back-off. @param {readonly Uint8Array[]} datagrams */
async function deliver(datagrams) {
  for (let at = 0; at < datagrams.length; at += 500) {
    for (const [i, bytes] of datagrams.slice(at, at + 500).entries()) {
      const n = at + i;
      hand(bytes, { address: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255 || 1}`, port: 50_000 });
    }
    await wait(3);
  }
}

const discovery = await startPeerDiscovery({
  clock: systemClock,
  random: systemRandom,
  udp,
  backoffMs: 1,
  serve: { held, retrievalPort: 80 },
});
const present = Array.from({ length: probes }, (_, i) => probe(idOf(i % segments), i));
const absent = Array.from({ length: probes }, (_, i) => probe(idOf(segments + i), probes + i));
for (const bytes of present.slice(0, 2_000)) readMessage(bytes);
const parsing = await processorTime(async () => {
  for (const bytes of absent) readMessage(bytes);
});
report("parsing", parsing, parsing);
// A run for nothing: machine code is made of what runs often.
await deliver(absent.map((_, i) => probe(idOf(segments + i), 2 * probes + i)));
report("dismissing", await processorTime(() => deliver(absent)), parsing);
if (sent !== 0) throw new Error("an absent segment was answered");
report("answering", await processorTime(() => deliver(present)), parsing);
// The second copy of an answer follows within 250 ms.
await wait(1_000);
if (sent !== 2 * probes) throw new Error(`${sent} datagrams for ${probes} probes, twice that wanted`);
await discovery.close();

const asked = Array.from({ length: 100 }, (_, n) => idOf(n % segments));
let at = performance.now();
for (const id of asked) await held.holds([id]);
console.log(
  `do we hold it? ${(((performance.now() - at) * 1_000) / asked.length).toFixed(1)} us, ${cache.size} held in memory`,
);

/** @param {number[]} times */
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
const ROUNDS = 50;

/** There and back. */
const echo = await nodeDatagramPort.open(
  { family: 4, address: "127.0.0.1" },
  (bytes, from) => void echo.send(bytes, from),
);
let arrived = () => {};
const caller = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => arrived());
const raw = [];
for (let round = 0; round < ROUNDS; round++) {
  at = performance.now();
  await new Promise((resolve) => {
    arrived = () => resolve(undefined);
    void caller.send(new Uint8Array(900), echo.local);
  });
  raw.push(performance.now() - at);
}
const { port } = echo.local;
await Promise.all([echo.close(), caller.close()]);

const here = {
  clock: systemClock,
  random: systemRandom,
  udp: nodeDatagramPort,
  interfaces: ["127.0.0.1"],
  port,
};
const serving = await startPeerDiscovery({ ...here, backoffMs: 1, serve: { held, retrievalPort: 80 } });
const asking = await startPeerDiscovery({ ...here, backoffMs: 1, waitMs: 1_000, maxPerSecond: 10_000 });
const first = [];
for (let round = 0; round < ROUNDS; round++) {
  const id = createHash("sha256").update(String(round)).digest();
  cache.set(hex(id), { heldBlocks: 1, totalBlocks: 1, createdMs: 0 });
  at = performance.now();
  let found = 0;
  for await (const match of asking.find([id], { version: 1 })) {
    found = match.segments.length;
    break;
  }
  first.push(performance.now() - at);
  if (found !== 1) throw new Error("nobody answered");
}
await Promise.all([asking.close(), serving.close()]);
console.log(
  `first answer on loopback ${median(first).toFixed(2)} ms with a back-off of 1 ms; two datagrams alone ${median(raw).toFixed(2)} ms`,
);
