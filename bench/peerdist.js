// @ts-check
/**
 * The Peer Distribution API: reading from the local cache in process and through the daemon's socket, and small
 * operations through it, beside a bare Unix socket between the same two processes, all of them in turn. Each reader
 * reads into memory of its own.
 * `node bench/peerdist.js [MiB of content, read five times] [small operations]`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import { ServerSecret } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { serveApi, startPeerNode } from "@branchcache/peer-node";
import { inProcess, PeerDistService } from "@branchcache/peerdist";
import { daemon, PEERDIST_PROTOCOL, peerDistProtocol } from "@branchcache/peerdist/node";
import { connectPeerDist } from "@branchcache/peerdist/promises";
import { systemClock as clock, systemRandom } from "@branchcache/runtime/node";

const MIB = 1_048_576;
const READ_BYTES = 262_144;
/** Reads under way, as overlapped reads are made. */
const AT_ONCE = 4;
const ROUNDS = 5;
/** Of a call of the API on the wire. */
const FRAME_BYTES = 64;
const identifier = new TextEncoder().encode("bench");

async function startService() {
  const store = createMemoryStore({ limitBytes: 4_096 * MIB, clock });
  const { blocks } = await startPeerNode({ store, mode: "local" });
  return new PeerDistService({ blocks, engine, secret: ServerSecret.random(systemRandom), clock });
}

/** The other process: the service behind its socket, an echo, and a source of bytes. @param {string} directory */
async function serve(directory) {
  const protocols = { [PEERDIST_PROTOCOL]: peerDistProtocol({ service: await startService() }) };
  const path = join(directory, "api.sock");
  await serveApi({ path, branchCache: /** @type {never} */ ({}), mode: "local", protocols });
  createServer((socket) => socket.pipe(socket)).listen(join(directory, "echo.sock"));
  const chunk = new Uint8Array(READ_BYTES);
  createServer((socket) => {
    socket.on("data", () => socket.write(chunk));
  }).listen(join(directory, "bytes.sock"));
  process.on("message", () => process.send?.(process.cpuUsage()));
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}

/**
 * What some work took, in seconds: by the clock, and of the processors for each process. The latter mean something
 * on a busy machine too.
 * @typedef {{ seconds: number, here: number, there: number }} Cost
 * @typedef {import("node:child_process").ChildProcess} Other
 */

/** @param {NodeJS.CpuUsage} usage */
const secondsOf = ({ user, system }) => (user + system) / 1e6;

/** @param {Other} other @returns {Promise<number>} seconds of the processor until now */
async function usedBy(other) {
  other.send("cpu");
  return secondsOf((await once(other, "message"))[0]);
}

/** @param {Other} other @param {() => Promise<void>} work @returns {Promise<Cost>} */
async function cost(other, work) {
  const before = await usedBy(other);
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1_000;
  const here = secondsOf(process.cpuUsage(cpu));
  return { seconds, here, there: (await usedBy(other)) - before };
}

/**
 * Publishes, opens and fills the cache, and reads all of it once to see that it is right.
 * @param {import("@branchcache/peerdist").PeerDistTransport} transport
 * @param {Uint8Array} content
 */
async function prepare(transport, content) {
  const api = await connectPeerDist({ transport, clock });
  await api.publish(identifier, [content]);
  const opened = await api.open(new Uint8Array(16), api.contentInformation(identifier));
  await opened.addData(0, content);
  /** Every so many pieces from one on; several of these go on at once. @param {number} from @param {boolean} check */
  const readSome = async (from, check) => {
    const into = new Uint8Array(READ_BYTES);
    for (let at = from * READ_BYTES; at < content.length; at += AT_ONCE * READ_BYTES) {
      const piece = await opened.read(at, READ_BYTES, { timeoutMs: 0, into });
      if (piece?.kind !== "data") throw new Error(`nothing at ${at}`);
      const expected = content.subarray(at, at + READ_BYTES);
      if (piece.bytes.length !== expected.length) throw new Error(`${piece.bytes.length} bytes at ${at}`);
      if (check && Buffer.compare(piece.bytes, expected) !== 0) throw new Error(`other bytes at ${at}`);
    }
  };
  const read = async (check = false) => {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => readSome(i, check)));
  };
  await read(true);
  return {
    reading: () => read(),
    /** @param {number} operations */
    calling: async (operations) => {
      for (let i = 0; i < operations; i++) await opened.flashCrowd();
    },
    close: () => api.close(),
  };
}

/** Asks with a small frame, and waits for so many bytes. @param {string} path @param {number} bytes @param {number} times */
async function bare(path, bytes, times) {
  const socket = createConnection(path);
  await once(socket, "connect");
  const frame = new Uint8Array(FRAME_BYTES);
  let [got, left] = [0, times];
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      got += chunk.length;
      if (got < bytes) return;
      got = 0;
      if (--left === 0) resolve(undefined);
      else socket.write(frame);
    });
    socket.write(frame);
  });
  socket.destroy();
}

/** @param {number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function run() {
  const contentMiB = Number(process.argv[2] ?? 256);
  const operations = Math.ceil(Number(process.argv[3] ?? 20_000) / ROUNDS);
  const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-peerdist-"));
  const other = fork(import.meta.filename, ["--serve", directory]);
  try {
    await once(other, "message");
    const content = systemRandom.bytes(contentMiB * MIB);
    const here = await prepare(inProcess(await startService()), content);
    const there = await prepare(daemon({ path: join(directory, "api.sock") }), content);
    const chunks = Math.ceil(content.length / READ_BYTES);
    const readsOfBytes = { unit: "GiB", units: content.length / MIB / 1_024 };
    const calls = { unit: "million", units: operations / 1e6 };
    // In turn, so that what else the machine does falls on all of them.
    const kinds = {
      "read in process": { ...readsOfBytes, run: here.reading },
      "read through the socket": { ...readsOfBytes, run: there.reading },
      "bytes over a bare socket": {
        ...readsOfBytes,
        run: () => bare(join(directory, "bytes.sock"), READ_BYTES, chunks),
      },
      "small operations in process": { ...calls, run: () => here.calling(operations) },
      "small operations through the socket": { ...calls, run: () => there.calling(operations) },
      "echo over a bare socket": {
        ...calls,
        run: () => bare(join(directory, "echo.sock"), FRAME_BYTES, operations),
      },
    };
    /** @type {Map<string, Cost[]>} */
    const measured = new Map();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, { run }] of Object.entries(kinds)) {
        measured.set(name, [...(measured.get(name) ?? []), await cost(other, run)]);
      }
    }
    /** @typedef {keyof typeof kinds} Kind @param {Kind} name @param {(cost: Cost) => number} what */
    const of = (name, what) => (measured.get(name) ?? []).map(what);
    /** @param {Kind} name @param {Kind} reference */
    const ratio = (name, reference) => {
      const times = of(name, ({ seconds }) => seconds);
      const ratios = of(reference, ({ seconds }) => seconds).map((value, i) => value / (times[i] ?? 0));
      const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((one) => one.toFixed(2));
      return `${median(ratios).toFixed(2)} (${least} to ${most}) of ${reference}`;
    };
    console.log(`${contentMiB} MiB, ${ROUNDS} rounds; medians; seconds by the clock, and of the processors`);
    for (const name of /** @type {Kind[]} */ (Object.keys(kinds))) {
      const { unit, units } = kinds[name];
      const [clock, caller, service] = [
        of(name, ({ seconds }) => seconds),
        of(name, (cost) => cost.here),
        of(name, (cost) => cost.there),
      ].map((values) => (median(values) / units).toFixed(2));
      console.log(`${name}: a ${unit} in ${clock} s; ${caller} s of the caller, ${service} s of the service`);
    }
    for (const [name, reference] of /** @type {[Kind, Kind][]} */ ([
      ["read through the socket", "read in process"],
      ["bytes over a bare socket", "read in process"],
      ["small operations through the socket", "echo over a bare socket"],
      ["small operations in process", "echo over a bare socket"],
    ])) {
      console.log(`${name}: ${ratio(name, reference)}`);
    }
    await here.close();
    await there.close();
  } finally {
    other.disconnect();
    await rm(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--serve") await serve(process.argv[3] ?? "");
else await run();
