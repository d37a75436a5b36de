// @ts-check
/**
 * Probes dismissed and answered with many segments held, beside only parsing the same datagrams, in processor
 * time; and the time to the first answer on loopback, beside a datagram there and one back.
 * `node bench/discovery.js [probes] [segments held]`; the aims are for a million segments.
 *
 * Parsing is `readMessage`, which takes whatever comes. A service parses a probe only if it has not met its like: so
 * all is done with probes that are alike, as one program's are, and again with probes of which no two are.
 */
import { createHash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { startPeerDiscovery } from "@branchcache/discovery";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { MessageReader, readMessage, writeMessage } from "dgram-ws-discovery";
import { nodeDatagramPort } from "dgram-ws-discovery/node";

const probes = Number(process.argv[2] ?? 20_000);
const segments = Number(process.argv[3] ?? 1_000_000);
const PEERDIST = "http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery";
const V2_RULE = "http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule";
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
const held = heldTable();
for (let n = 0; n < segments; n++) held.add(idOf(n));

/** Two bytes of size, one of count, the identifiers. @param {readonly Uint8Array[]} ids */
const binaryScope = (ids) => Buffer.concat([Uint8Array.of(0, 32, ids.length), ...ids]).toString("base64");

/**
 * Version 1.0 for one segment, as iPXE sends it; version 2.0 for sixteen, as many as one datagram takes.
 * @param {1 | 2} version @param {number} firstSegment @param {number} n @param {boolean} isUnlike any other
 */
function probe(version, firstSegment, n, isUnlike) {
  const ids = Array.from({ length: version === 1 ? 1 : 16 }, (_, i) => idOf(firstSegment + i));
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
console.log(
  `serving with ${segments} segments held in memory: ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB resident`,
);
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
    const rounds = [];
    for (let n = 0; n < 3; n++) rounds.push(await round(version, areUnlike));
    rounds.sort((a, b) => a.answering / a.parsing - b.answering / b.parsing);
    const { parsing, reading, dismissing, answering } = rounds[1] ?? (await round(version, areUnlike));
    console.log(
      `version ${version}.0, segments in a probe: ${version === 1 ? 1 : 16}; ${areUnlike ? "no two probes alike" : "probes of one program"}`,
    );
    report("parsing", parsing, parsing);
    report("reading", reading, parsing);
    report("dismissing", dismissing, parsing);
    report("answering", answering, parsing);
    if (areUnlike) continue;
    const system = await sending();
    console.log(
      `an answer is ${answer.length} bytes, sent twice; sockets and system take ${system.toFixed(1)} us for that`,
    );
    report("all of it", answering + system, parsing);
  }
}
await discovery.close();

const asked = Array.from({ length: 100 }, (_, n) => idOf(n % segments));
let at = performance.now();
for (const id of asked) await held.holds([id]);
console.log(
  `do we hold it? ${(((performance.now() - at) * 1_000) / asked.length).toFixed(1)} us, ${segments} held in memory`,
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
  held.add(id);
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
