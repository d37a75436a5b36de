// @ts-check
/**
 * Probes dismissed and answered with many segments held, beside only parsing the same datagrams, in processor
 * time; and the time to the first answer on loopback, beside a datagram there and one back.
 * `node bench/discovery.js [probes] [segments held]`, 20,000 and a million unless told.
 *
 * Parsing is `readMessage`, which takes whatever comes. A service parses a probe only if it has not met its like: so
 * all is done with probes that are alike, as one program's are, and again with probes of which no two are.
 */
import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { startPeerDiscovery } from "@branchcache/discovery";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { MessageReader, readMessage, writeMessage } from "dgram-ws-discovery";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { median } from "./support/median.js";
import { duration, startReport } from "./support/report.js";
import { segmentId } from "./support/small-segments.js";

/** Of the speed of parsing: of what a service does with a probe. */
const AIM = 0.7;
const ROUNDS = 3;
const ANSWERS = 50;

const probes = Number(process.argv[2] ?? 20_000);
const segments = Number(process.argv[3] ?? 1_000_000);
const PEERDIST = "http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery";
const V2_RULE = "http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule";
const WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery";

/** @param {Uint8Array} id */
const hex = (id) => Buffer.from(id).toString("hex");

/** Identifiers in one array, as the store keeps them outside of the heap too. */
function heldTable(most = 2 ** Math.ceil(Math.log2(2 * segments + 1_000))) {
  const slots = new Uint8Array(32 * most);
  const taken = new Uint8Array(most);
  const segment = { heldBlocks: 1, totalBlocks: 1, createdMs: 0 };
  /** @param {Uint8Array} id @param {number} slot */
  function isIn(id, slot) {
    for (let i = 0; i < 32; i++) if (slots[32 * slot + i] !== id[i]) return false;
    return true;
  }
  /** @param {Uint8Array} id */
  function slotOf(id) {
    let slot = 0;
    for (let i = 0; i < 4; i++) slot = (slot * 256 + (id[i] ?? 0)) % most;
    while (taken[slot] && !isIn(id, slot)) slot = (slot + 1) % most;
    return slot;
  }
  return {
    /** @param {Uint8Array} id */
    add(id) {
      const slot = slotOf(id);
      slots.set(id, 32 * slot);
      taken[slot] = 1;
    },
    /** @param {readonly Uint8Array[]} ids */
    holds: async (ids) => ids.map((id) => (taken[slotOf(id)] ? segment : undefined)),
  };
}
const report = startReport(import.meta.filename, `${probes} probes, ${segments} segments held in memory`);
const held = heldTable();
for (let n = 0; n < segments; n++) held.add(segmentId(n));

/** Two bytes of size, one of count, the identifiers. @param {readonly Uint8Array[]} ids */
const binaryScope = (ids) => Buffer.concat([Uint8Array.of(0, 32, ids.length), ...ids]).toString("base64");

/**
 * Version 1.0 for one segment, as iPXE sends it; version 2.0 for sixteen, as many as one datagram takes.
 * @param {1 | 2} version @param {number} firstSegment @param {number} n @param {boolean} isUnlike any other
 */
function probe(version, firstSegment, n, isUnlike) {
  const ids = Array.from({ length: version === 1 ? 1 : 16 }, (_, i) => segmentId(firstSegment + i));
  return writeMessage(
    {
      version: "2005/04",
      kind: "Probe",
      messageId: `urn:uuid:00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`,
      probe: {
        types: [{ uri: PEERDIST, local: version === 1 ? "PeerDistData" : "PeerDistDataV2" }],
        scopes: [version === 1 ? hex(ids[0] ?? new Uint8Array()).toUpperCase() : binaryScope(ids)],
        matchBy: version === 1 ? `${WSD}/strcmp0` : V2_RULE,
      },
    },
    { prefixes: { PeerDist: PEERDIST, ...(isUnlike && { [`n${n}`]: "urn:nothing" }) } },
  );
}

/** Processor time of all threads, in seconds for each probe. @param {() => Promise<void>} work */
async function processorTime(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / probes;
}

/** A network of one host whose datagrams come from here, each from another source. */
let sent = 0;
/** @type {Uint8Array} */
let answer = new Uint8Array(0);
/** @type {import("@branchcache/runtime").DatagramHandler} */
let hand = () => {};
/** @type {import("@branchcache/runtime").UdpPort} */
const udp = {
  interfaces: () => [{ name: "eth0", address: "10.0.0.1", family: 4, prefixLength: 8, internal: false }],
  async open(options, onDatagram) {
    if (options.shared) hand = onDatagram;
    return {
      local: { address: "10.0.0.1", port: options.port ?? 0 },
      async send(bytes) {
        sent++;
        answer = bytes;
      },
      async close() {},
    };
  },
};

/** An office of a thousand, none of which asks faster than it is answered. */
const sources = Array.from({ length: 1_000 }, (_, n) => ({
  address: `10.0.${n >> 8}.${n & 255}`,
  port: 50_000,
}));

/** Promises settle after each, as they do after a socket's callback. @param {readonly Uint8Array[]} datagrams */
async function deliver(datagrams) {
  for (const [n, bytes] of datagrams.entries()) {
    hand(bytes, sources[n % sources.length] ?? { address: "10.0.0.2", port: 50_000 });
    await undefined;
    // Answers leave when their back-off is over.
    if (n % 500 === 499) await wait(3);
  }
}

const discovery = await startPeerDiscovery({
  clock: systemClock,
  random: systemRandom,
  udp,
  serve: { held, retrievalPort: 80 },
});
report.note(`resident before the first probe: ${Math.round(process.memoryUsage.rss() / 1e6)} MB`);
let messages = 0;
/** @param {1 | 2} version @param {number} firstSegment @param {boolean} areUnlike */
const someProbes = (version, firstSegment, areUnlike) =>
  Array.from({ length: probes }, (_, i) =>
    probe(version, firstSegment + (i % (segments - 16)), messages++, areUnlike),
  );

/** Processor time of each kind of work in one round. @param {1 | 2} version @param {boolean} areUnlike */
async function round(version, areUnlike) {
  const [absent, present] = [someProbes(version, segments, areUnlike), someProbes(version, 0, areUnlike)];
  sent = 0;
  /** @param {(bytes: Uint8Array) => unknown} read */
  const each = (read) => async () => {
    for (const bytes of absent) {
      read(bytes);
      await undefined;
    }
  };
  const parsing = await processorTime(each(readMessage));
  const reader = new MessageReader();
  const reading = await processorTime(each((bytes) => reader.read(bytes)));
  const dismissing = await processorTime(() => deliver(absent));
  if (sent !== 0) throw new Error("an absent segment was answered");
  const answering = await processorTime(async () => {
    await deliver(present);
    // The second copy of an answer follows within 250 ms.
    while (sent < 2 * probes) await wait(50);
  });
  if (sent > 2 * probes) throw new Error(`${sent} datagrams for ${probes} probes, twice that wanted`);
  return { parsing, reading, dismissing, answering };
}

/** What the system takes for an answer's two datagrams; nobody takes them out of the receiving socket. */
async function sending() {
  const sink = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
  const socket = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
  const to = { ...sink.local };
  await sink.close();
  const time = await processorTime(async () => {
    for (let n = 0; n < 2 * probes; n++) await socket.send(answer, to).catch(() => {});
  });
  await socket.close();
  return time;
}

for (const version of /** @type {const} */ ([1, 2])) {
  for (const areUnlike of [false, true]) {
    // A round for nothing: machine code is made of what runs often.
    await round(version, areUnlike);
    /** @type {Awaited<ReturnType<typeof round>>[]} */
    const rounds = [];
    for (let n = 0; n < ROUNDS; n++) rounds.push(await round(version, areUnlike));
    const probe = `V${version} probes for ${version === 1 ? "one segment" : "16 segments"}, ${areUnlike ? "no two alike" : "of one program"}`;
    const parsing = rounds.map((one) => one.parsing);
    /** @param {string} what @param {number[]} times @param {number} [aim] */
    const beside = (what, times, aim) =>
      report.ratio({
        what: `${probe}: ${what}`,
        ours: duration(median(times)),
        reference: `parsing only, ${duration(median(parsing))}`,
        ratios: times.map((time, n) => (parsing[n] ?? Number.NaN) / time),
        ...(aim !== undefined && { aim }),
      });
    const answering = rounds.map((one) => one.answering);
    beside(
      "reading one of a known form",
      rounds.map((one) => one.reading),
    );
    beside(
      "dismissing",
      rounds.map((one) => one.dismissing),
      AIM,
    );
    beside("answering", answering, AIM);
    report.figure({
      what: `${probe}: answered a second a core`,
      value: 1 / median(answering),
      unit: "answers/s",
      limit: 20_000,
      bound: "least",
    });
    if (areUnlike) continue;
    const system = await sending();
    beside(
      "answering, with sockets and system",
      answering.map((time) => time + system),
    );
    report.note(
      `  an answer is ${answer.length} bytes, sent twice; sockets and system take ${duration(system)} for that`,
    );
  }
}
await discovery.close();

/** There and back. */
const echo = await nodeDatagramPort.open(
  { family: 4, address: "127.0.0.1" },
  (bytes, from) => void echo.send(bytes, from),
);
let arrived = () => {};
const caller = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => arrived());
const raw = [];
for (let round = 0; round < ANSWERS; round++) {
  const startMs = performance.now();
  await new Promise((resolve) => {
    arrived = () => resolve(undefined);
    void caller.send(new Uint8Array(900), echo.local);
  });
  raw.push((performance.now() - startMs) / 1e3);
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
for (let round = 0; round < ANSWERS; round++) {
  const id = createHash("sha256").update(String(round)).digest();
  held.add(id);
  const startMs = performance.now();
  let found = 0;
  for await (const match of asking.find([id], { version: 1 })) {
    found = match.segments.length;
    break;
  }
  first.push((performance.now() - startMs) / 1e3);
  if (found !== 1) throw new Error("nobody answered");
}
await Promise.all([asking.close(), serving.close()]);
report.ratio({
  what: "first answer on loopback, back-off of 1 ms",
  ours: duration(median(first)),
  reference: `a datagram there and one back, ${duration(median(raw))}`,
  ratios: [median(raw) / median(first)],
});
