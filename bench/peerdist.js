// @ts-check
/**
 * The Peer Distribution API: reading from the local cache in process and through the daemon's socket, and small
 * operations through it, beside a bare Unix socket between the same two processes, all of them in turn. Each reader
 * reads into memory of its own.
 * `node bench/peerdist.js [MiB of content, read five times] [small operations]`, 256 MiB and 20,000 unless told.
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
import { median } from "./support/median.js";
import { duration, rate, startReport } from "./support/report.js";

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

async function bench() {
  const contentMiB = Number(process.argv[2] ?? 256);
  const operations = Math.ceil(Number(process.argv[3] ?? 20_000) / ROUNDS);
  const report = startReport(
    import.meta.filename,
    `${contentMiB} MiB, ${READ_BYTES / 1_024} KiB a read, ${AT_ONCE} under way, ${operations} small operations; ${ROUNDS} rounds`,
  );
  const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-peerdist-"));
  const other = fork(import.meta.filename, ["--serve", directory]);
  try {
    await once(other, "message");
    const content = systemRandom.bytes(contentMiB * MIB);
    const here = await prepare(inProcess(await startService()), content);
    const there = await prepare(daemon({ path: join(directory, "api.sock") }), content);
    const chunks = Math.ceil(content.length / READ_BYTES);
    const asBytes = {
      speed: (/** @type {number} */ seconds) => rate(content.length, seconds),
      cost: (/** @type {number} */ seconds) => `${duration((seconds * 1_024) / contentMiB)} a GiB`,
    };
    const each = (/** @type {number} */ seconds) => `${duration(seconds / operations)} each`;
    const asOperations = { speed: each, cost: each };
    const kinds = {
      "reads in process": { run: here.reading, as: asBytes },
      "reads through the socket": { run: there.reading, as: asBytes },
      "bytes over a bare socket": {
        run: () => bare(join(directory, "bytes.sock"), READ_BYTES, chunks),
        as: asBytes,
      },
      "small operations in process": { run: () => here.calling(operations), as: asOperations },
      "small operations through the socket": { run: () => there.calling(operations), as: asOperations },
      "an echo over a bare socket": {
        run: () => bare(join(directory, "echo.sock"), FRAME_BYTES, operations),
        as: asOperations,
      },
    };
    // In turn, so that what else the machine does falls on all of them.
    /** @typedef {keyof typeof kinds} Kind */
    /** @type {Map<string, Cost[]>} */
    const measured = new Map(Object.keys(kinds).map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, { run }] of Object.entries(kinds)) measured.get(name)?.push(await cost(other, run));
    }
    /** @param {Kind} name @param {keyof Cost} what */
    const of = (name, what) => (measured.get(name) ?? []).map((one) => one[what]);
    for (const [name, reference, aim] of /** @type {[Kind, Kind, number?][]} */ ([
      ["reads through the socket", "reads in process", 0.5],
      ["bytes over a bare socket", "reads in process"],
      ["small operations through the socket", "an echo over a bare socket", 0.5],
      ["small operations in process", "an echo over a bare socket"],
    ])) {
      const [times, references] = [of(name, "seconds"), of(reference, "seconds")];
      report.ratio({
        what: name,
        ours: kinds[name].as.speed(median(times)),
        reference: `${reference}, ${kinds[reference].as.speed(median(references))}`,
        ratios: references.map((value, i) => value / (times[i] ?? Number.NaN)),
        ...(aim !== undefined && { aim }),
      });
      const [caller, service] = [median(of(name, "here")), median(of(name, "there"))];
      report.note(
        `  processor time: the caller ${kinds[name].as.cost(caller)}, the service ${kinds[name].as.cost(service)}`,
      );
    }
    await here.close();
    await there.close();
  } finally {
    other.disconnect();
    await rm(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--serve") await serve(process.argv[3] ?? "");
else await bench();
