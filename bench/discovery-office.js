// @ts-check
/**
 * An office on one simulated link, seeded: what it costs to ask who has a file that everybody has.
 * `node bench/discovery-office.js [peers]`. Counts datagrams and bytes on the link (a multicast counts once),
 * and the time from asking to the first and the last segment found. Simulated time: the machine does not matter.
 *
 * With suppression only ten peers answer: whoever came later saw ten complete ones and keeps silent. Here those
 * others just hold nothing, which is the same on the link.
 */
import { startPeerDiscovery } from "@branchcache/discovery";
import { makeClock, randomFraction } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";

const peers = Number(process.argv[2] ?? 1_000);
const MIB = 2 ** 20;
const SEGMENT_BYTES = { 1: 32 * MIB, 2: 64 * 1_024 };

/** Time that passes only when nothing else is left to do. */
function simulatedClock() {
  let nowMs = 0;
  /** By due time; those of one millisecond run in the order in which they were set. @type {Map<number, Set<() => void>>} */
  const due = new Map();
  /** @type {number[]} */
  let times = [];
  const clock = makeClock({
    wallMs: () => Date.UTC(2026, 0, 1) + nowMs,
    monotonicMs: () => nowMs,
    after(ms, fn) {
      const atMs = nowMs + Math.max(Math.ceil(ms), 0);
      const timer = () => fn();
      const timers = due.get(atMs) ?? new Set();
      if (timers.size === 0 && !times.includes(atMs)) times.push(atMs);
      due.set(atMs, timers.add(timer));
      return () => void timers.delete(timer);
    },
  });
  /** @param {() => boolean} done */
  async function runUntil(done) {
    while (!done()) {
      await new Promise((resolve) => setImmediate(resolve));
      if (done()) return;
      const nextMs = Math.min(...times);
      if (nextMs === Number.POSITIVE_INFINITY) throw new Error("nothing is left to happen");
      nowMs = nextMs;
      const timers = due.get(nextMs) ?? new Set();
      for (const timer of timers) {
        timers.delete(timer);
        timer();
      }
      // What a timer or its promises set for this very millisecond runs in another round.
      await new Promise((resolve) => setImmediate(resolve));
      if (timers.size === 0) {
        due.delete(nextMs);
        times = times.filter((timeMs) => timeMs !== nextMs);
      }
    }
  }
  return { clock, runUntil };
}

/** @param {import("@branchcache/runtime").Clock} clock @param {number} loss */
function simulatedLink(clock, loss) {
  const random = seededRandom(7);
  const counts = { datagrams: 0, bytes: 0 };
  /** @typedef {{ address: string, port: number, multicast: boolean, onDatagram: import("@branchcache/runtime").DatagramHandler }} Socket */
  /** @type {Set<Socket>} */
  const listening = new Set();
  /** @type {Map<string, Socket>} */
  const own = new Map();
  let nextPort = 49_152;
  /** @param {string} address @returns {import("@branchcache/runtime").UdpPort} */
  const host = (address) => ({
    interfaces: () => [{ name: "eth0", address, family: 4, prefixLength: 8, internal: false }],
    async open({ port = 0, join }, onDatagram) {
      const socket = { address, port: port || nextPort++, multicast: join !== undefined, onDatagram };
      if (socket.multicast) listening.add(socket);
      else own.set(`${address} ${socket.port}`, socket);
      return {
        local: { address, port: socket.port },
        async send(bytes, to) {
          counts.datagrams++;
          // Headers of Ethernet, IPv4 and UDP, for each fragment.
          counts.bytes += bytes.length + 42 * Math.ceil(bytes.length / 1_472);
          const one = own.get(`${to.address} ${to.port}`);
          for (const receiver of to.address.startsWith("239.") ? listening : one ? [one] : []) {
            if (randomFraction(random) < loss) continue;
            clock.after(1, () => receiver.onDatagram(bytes, { address, port: socket.port }));
          }
        },
        async close() {
          listening.delete(socket);
          own.delete(`${address} ${socket.port}`);
        },
      };
    },
  });
  return { host, counts };
}

/** @param {number} n */
const addressOf = (n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
/** @param {number} n */
function idOf(n) {
  const id = new Uint8Array(32).fill(0xaa);
  new DataView(id.buffer).setUint32(0, n);
  return id;
}

/** @param {{ version: 1 | 2, bytes: number, clients: number, suppression: boolean, loss: number }} scene */
async function run({ version, bytes, clients, suppression, loss }) {
  const { clock, runUntil } = simulatedClock();
  const link = simulatedLink(clock, loss);
  const blocks = version === 1 ? 512 : 1;
  /** @param {boolean} has */
  const cache = (has) => ({
    /** @param {readonly Uint8Array[]} ids */
    holds: async (ids) =>
      ids.map(() => (has ? { heldBlocks: blocks, totalBlocks: blocks, createdMs: 0 } : undefined)),
  });
  const nodes = [];
  for (let n = 0; n < peers + clients; n++) {
    const has = n < (suppression ? Math.min(10, peers) : peers);
    nodes.push(
      await startPeerDiscovery({
        clock,
        random: seededRandom(n + 1),
        udp: link.host(addressOf(n + 1)),
        interfaceRefreshMs: 0,
        serve: { held: cache(has), retrievalPort: 80 },
      }),
    );
  }
  const ids = Array.from({ length: bytes / SEGMENT_BYTES[version] }, (_, n) => idOf(n));
  /** @type {number[]} */
  const firsts = [];
  /** @type {number[]} */
  const lasts = [];
  let ended = 0;
  let missing = 0;
  for (const client of nodes.slice(peers)) {
    void (async () => {
      const found = new Set();
      for await (const { segments } of client.find(ids, { version })) {
        for (const { id } of segments) {
          if (found.has(id)) continue;
          found.add(id);
          if (found.size === 1) firsts.push(clock.monotonicMs());
          if (found.size === ids.length) lasts.push(clock.monotonicMs());
        }
      }
      missing += ids.length - found.size;
      ended++;
    })();
  }
  await runUntil(() => ended === clients);
  const { datagrams, bytes: onLink } = link.counts;
  await Promise.all(nodes.map((node) => node.close()));
  return {
    datagrams,
    onLink,
    missing,
    firstMs: Math.min(...firsts),
    lastMs: Math.max(...lasts),
    segments: ids.length,
  };
}

/** @type {readonly { version: 1 | 2, bytes: number, clients: number }[]} */
const scenes = [
  { version: 1, bytes: 1_024 * MIB, clients: 1 },
  { version: 1, bytes: 32 * MIB, clients: 50 },
  { version: 2, bytes: 32 * MIB, clients: 1 },
];
console.log(`${peers} peers that all have the file`);
console.log(
  "version clients      MiB segments suppression loss  datagrams       MB  first ms  last ms  not found",
);
for (const scene of scenes) {
  for (const suppression of [true, false]) {
    for (const loss of [0, 0.1]) {
      const result = await run({ ...scene, suppression, loss });
      console.log(
        [
          String(scene.version).padStart(7),
          String(scene.clients).padStart(7),
          String(scene.bytes / MIB).padStart(8),
          String(result.segments).padStart(8),
          (suppression ? "on" : "off").padStart(11),
          `${loss * 100} %`.padStart(4),
          String(result.datagrams).padStart(10),
          (result.onLink / 1e6).toFixed(2).padStart(8),
          String(result.firstMs).padStart(9),
          String(result.lastMs).padStart(8),
          String(result.missing).padStart(10),
        ].join(" "),
      );
    }
  }
}
