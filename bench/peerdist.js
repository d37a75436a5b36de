// @ts-check
/**
 * The Peer Distribution API: reading from the local cache in process and through the daemon's socket, and small
 * operations through it, beside a bare Unix socket between the same two processes, all of them in turn.
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
  process.send?.("ready");
}

/** @param {() => Promise<void>} work @returns {Promise<number>} seconds */
async function time(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
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
    for (let at = from * READ_BYTES; at < content.length; at += AT_ONCE * READ_BYTES) {
      const piece = await opened.read(at, READ_BYTES, { timeoutMs: 0 });
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
    /** MiB a second. */
    reading: async () => content.length / MIB / (await time(read)),
    /** A second. @param {number} operations */
    calling: async (operations) => {
      const seconds = await time(async () => {
        for (let i = 0; i < operations; i++) await opened.flashCrowd();
      });
      return operations / seconds;
    },
    close: () => api.close(),
  };
}

/**
 * Asks with a small frame, and waits for so many bytes.
 * @param {string} path @param {number} bytes @param {number} times @returns {Promise<number>} times a second
 */
async function bare(path, bytes, times) {
  const socket = createConnection(path);
  await once(socket, "connect");
  const frame = new Uint8Array(FRAME_BYTES);
  const seconds = await time(async () => {
    for (let i = 0; i < times; i++) {
      socket.write(frame);
      for (let got = 0; got < bytes; ) got += (await once(socket, "data"))[0].length;
    }
  });
  socket.destroy();
  return times / seconds;
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
    // In turn, so that what else the machine does falls on all of them.
    const kinds = {
      "read in process": here.reading,
      "read through the socket": there.reading,
      "bytes over a bare socket": async () =>
        (await bare(join(directory, "bytes.sock"), READ_BYTES, chunks)) * (READ_BYTES / MIB),
      "small operations in process": () => here.calling(operations),
      "small operations through the socket": () => there.calling(operations),
      "echo over a bare socket": () => bare(join(directory, "echo.sock"), FRAME_BYTES, operations),
    };
    /** @type {Map<string, number[]>} */
    const measured = new Map();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, measure] of Object.entries(kinds)) {
        measured.set(name, [...(measured.get(name) ?? []), await measure()]);
      }
    }
    const of = (/** @type {keyof typeof kinds} */ name) => measured.get(name) ?? [];
    const show = (/** @type {keyof typeof kinds} */ name, /** @type {keyof typeof kinds} */ reference) => {
      const ratios = of(name).map((value, i) => value / (of(reference)[i] ?? 0));
      const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((one) => one.toFixed(2));
      const ratio = `${median(ratios).toFixed(2)} (${least} to ${most}) of ${reference}`;
      console.log(`${name}: ${median(of(name)).toFixed(0)}, ${ratio}`);
    };
    console.log(`${contentMiB} MiB, ${ROUNDS} rounds; MiB/s, operations a second, medians`);
    show("read through the socket", "read in process");
    show("bytes over a bare socket", "read in process");
    show("small operations through the socket", "echo over a bare socket");
    show("small operations in process", "echo over a bare socket");
    await here.close();
    await there.close();
  } finally {
    other.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--serve") await serve(process.argv[3] ?? "");
else await run();
