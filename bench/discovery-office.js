// @ts-check
/**
 * An office on one simulated link, seeded: what it costs to ask who has a file that everybody has.
 * `node bench/discovery-office.js [scene ...]`, each a number, or `7:on` and `7:off` for one with or without silence;
 * the first six, `7:on` and `9:off` unless told; one line of JSON for each row, of which
 * `node bench/discovery-office-page.js` makes the page and the picture of `packages/discovery/docs`. Counts datagrams and bytes on the link (a multicast counts once), and the time from
 * asking to the first and the last segment found. Simulated time: the machine does not matter.
 *
 * Every peer got the file in the way it does in life: it looked for it, saw who answers, and then had it. So it is
 * the real rule that keeps the later ones silent.
 */
import { startPeerDiscovery } from "@branchcache/discovery";
import { makeClock, randomFraction } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";

const MIB = 2 ** 20;
const SEGMENT_BYTES = { 1: 32 * MIB, 2: 64 * 1_024 };
/** As many as one datagram takes. */
const IDS_IN_PROBE = { 1: 11, 2: 16 };
/** Who have the file before the others ask, one after the other. */
const EARLY = 12;
/** The others ask together, so many at a time, and have it when all have asked. */
const AT_ONCE = 50;

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
        // Each host is done with a datagram before the next comes: else all that all of them hear at one time, read
        // and undecided, is in memory together.
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (timers.size === 0) {
        due.delete(nextMs);
        times = times.filter((timeMs) => timeMs !== nextMs);
      }
    }
  }
  return { clock, runUntil };
}

/** @param {import("@branchcache/runtime").Clock} clock */
function simulatedLink(clock) {
  const random = seededRandom(7);
  const counts = { datagrams: 0, bytes: 0 };
  const state = {
    loss: 0,
    /** Multicasts go to this many of the hosts: the others hold nothing yet. */
    hearing: 0,
    /** False while the peers get the file, when nothing is lost: a further copy tells nobody anything. */
    copies: false,
  };
  /** A copy is of the very same bytes. @type {WeakSet<Uint8Array>} */
  const sent = new WeakSet();
  /** @typedef {{ address: string, port: number, multicast: boolean, onDatagram: import("@branchcache/runtime").DatagramHandler }} Socket */
  /** In the order in which they came. @type {Set<Socket>} */
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
          if (!state.copies && sent.has(bytes)) return;
          sent.add(bytes);
          const from = { address, port: socket.port };
          const one = own.get(`${to.address} ${to.port}`);
          const receivers = to.address.startsWith("239.") ? listening : one ? [one] : [];
          // One timer for all: a thousand hosts hear each of a thousand probes.
          clock.after(1, () => {
            let heard = 0;
            for (const receiver of receivers) {
              if (to.address.startsWith("239.") && ++heard > state.hearing) return;
              if (randomFraction(random) >= state.loss) receiver.onDatagram(bytes, from);
            }
          });
        },
        async close() {
          listening.delete(socket);
          own.delete(`${address} ${socket.port}`);
        },
      };
    },
  });
  return { host, counts, state };
}

/** @param {number} n */
const addressOf = (n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
/** @param {number} n */
function idOf(n) {
  const id = new Uint8Array(32).fill(0xaa);
  new DataView(id.buffer).setUint32(0, n);
  return id;
}

/** @param {{ version: 1 | 2, peers: number, mib: number, clients: number }} scene @param {boolean} suppression */
async function office({ version, peers, mib, clients }, suppression) {
  const { clock, runUntil } = simulatedClock();
  const link = simulatedLink(clock);
  const blocks = version === 1 ? 512 : 1;
  const ids = Array.from({ length: (mib * MIB) / SEGMENT_BYTES[version] }, (_, n) => idOf(n));
  let hosts = 0;
  async function join() {
    const host = { has: false };
    const discovery = await startPeerDiscovery({
      clock,
      random: seededRandom(++hosts),
      udp: link.host(addressOf(hosts)),
      interfaceRefreshMs: 0,
      ...(!suppression && { republishQuorum: 0 }),
      serve: {
        retrievalPort: 80,
        held: {
          holds: async (asked) =>
            asked.map(() =>
              host.has ? { heldBlocks: blocks, totalBlocks: blocks, createdMs: 0 } : undefined,
            ),
        },
      },
    });
    return { host, discovery };
  }
  /** @param {readonly Awaited<ReturnType<typeof join>>[]} askers */
  async function ask(askers) {
    let firstMs = Number.POSITIVE_INFINITY;
    let lastMs = 0;
    let missing = 0;
    let ended = 0;
    const startedMs = clock.monotonicMs();
    for (const { discovery } of askers) {
      void (async () => {
        const found = new Set();
        for await (const { segments } of discovery.find(ids, { version })) {
          for (const { id } of segments) {
            if (found.has(id)) continue;
            found.add(id);
            if (found.size === 1) firstMs = Math.min(firstMs, clock.monotonicMs() - startedMs);
            if (found.size === ids.length) lastMs = Math.max(lastMs, clock.monotonicMs() - startedMs);
          }
        }
        missing += ids.length - found.size;
        ended++;
      })();
    }
    await runUntil(() => ended === askers.length);
    return { firstMs, lastMs, missing };
  }

  const nodes = [];
  for (let n = 0; n < peers; n++) nodes.push(await join());
  link.state.hearing = EARLY;
  for (const node of suppression ? nodes.slice(0, EARLY) : []) {
    await ask([node]);
    node.host.has = true;
  }
  for (let n = EARLY; suppression && n < peers; n += AT_ONCE) await ask(nodes.slice(n, n + AT_ONCE));
  for (const { host } of nodes) host.has = true;

  for (const loss of [0, 0.1]) {
    const askers = [];
    for (let n = 0; n < clients; n++) askers.push(await join());
    link.state.hearing = Number.POSITIVE_INFINITY;
    link.state.loss = loss;
    link.state.copies = true;
    link.counts.datagrams = 0;
    link.counts.bytes = 0;
    const { firstMs, lastMs, missing } = await ask(askers);
    const { datagrams, bytes } = link.counts;
    // Three copies of a probe at most, two of each holder's answer: nothing grows faster than that.
    const probes = clients * Math.ceil(ids.length / IDS_IN_PROBE[version]);
    if (datagrams > 3 * probes + 2 * probes * peers)
      throw new Error(`${datagrams} datagrams for ${probes} probes`);
    await Promise.all(askers.map(({ discovery }) => discovery.close()));
    const row = {
      version,
      peers,
      clients,
      mib,
      segments: ids.length,
      silence: suppression,
      loss,
      datagrams,
      bytes,
      firstMs,
      lastMs,
      missing,
    };
    console.log(JSON.stringify(row));
  }
  await Promise.all(nodes.map(({ discovery }) => discovery.close()));
}

/** Version 2.0 has 512 times the segments: the seventh takes minutes, the eighth hours. */
const scenes = /** @type {const} */ ([
  { version: 1, peers: 1_000, mib: 1_024, clients: 1 },
  { version: 1, peers: 1_000, mib: 32, clients: 50 },
  { version: 1, peers: 100, mib: 1_024, clients: 1 },
  { version: 1, peers: 100, mib: 32, clients: 50 },
  { version: 2, peers: 30, mib: 32, clients: 50 },
  { version: 2, peers: 30, mib: 1_024, clients: 1 },
  { version: 2, peers: 1_000, mib: 32, clients: 50 },
  { version: 2, peers: 1_000, mib: 1_024, clients: 1 },
  { version: 2, peers: 1_000, mib: 32, clients: 1 },
]);
const chosen = process.argv.slice(2);
const wanted = chosen.length > 0 ? chosen : ["1", "2", "3", "4", "5", "6", "7:on", "9:off"];
for (const [n, scene] of scenes.entries()) {
  for (const suppression of [true, false]) {
    const name = `${n + 1}:${suppression ? "on" : "off"}`;
    if (wanted.includes(name) || wanted.includes(String(n + 1))) await office(scene, suppression);
  }
}
