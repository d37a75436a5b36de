// @ts-check
/**
 * The Peer Distribution API: reading from the local cache in process and through the daemon's socket, and small
 * operations through it, beside a bare Unix socket between the same two processes.
 * `node bench/peerdist.js [MiB of content, read four times] [small operations]`.
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
const ROUNDS = 4;
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
 * @param {import("@branchcache/peerdist").PeerDistTransport} transport
 * @param {Uint8Array} content
 * @param {number} operations
 */
async function measure(transport, content, operations) {
  const api = await connectPeerDist({ transport, clock });
  await api.publish(identifier, [content]);
  const opened = await api.open(new Uint8Array(16), api.contentInformation(identifier));
  await opened.addData(0, content);
  const read = async (check = false) => {
    for (let at = 0; at < content.length; ) {
      const piece = await opened.read(at, READ_BYTES, { timeoutMs: 0 });
      if (piece?.kind !== "data") throw new Error(`nothing at ${at}`);
      const expected = content.subarray(at, at + piece.bytes.length);
      if (check && Buffer.compare(piece.bytes, expected) !== 0) throw new Error(`other bytes at ${at}`);
      at += piece.bytes.length;
    }
  };
  await read(true);
  const reading = await time(async () => {
    for (let round = 0; round < ROUNDS; round++) await read();
  });
  const calling = await time(async () => {
    for (let i = 0; i < operations; i++) await opened.flashCrowd();
  });
  await api.close();
  return { reading: (ROUNDS * content.length) / reading / MIB, calling: operations / calling };
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

async function run() {
  const contentMiB = Number(process.argv[2] ?? 256);
  const operations = Number(process.argv[3] ?? 20_000);
  const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-peerdist-"));
  const other = fork(import.meta.filename, ["--serve", directory]);
  try {
    await once(other, "message");
    const content = systemRandom.bytes(contentMiB * MIB);
    const here = await measure(inProcess(await startService()), content, operations);
    const there = await measure(daemon({ path: join(directory, "api.sock") }), content, operations);
    const reads = Math.ceil((ROUNDS * content.length) / READ_BYTES);
    const bytes = (await bare(join(directory, "bytes.sock"), READ_BYTES, reads)) * (READ_BYTES / MIB);
    const echo = await bare(join(directory, "echo.sock"), FRAME_BYTES, operations);
    const ratio = (/** @type {number} */ a, /** @type {number} */ b) => (a / b).toFixed(2);
    console.log(`read ${ROUNDS} x ${contentMiB} MiB, MiB/s: in process ${here.reading.toFixed(0)}`);
    console.log(
      `  through the socket ${there.reading.toFixed(0)}, ${ratio(there.reading, here.reading)} of in process ` +
        `(bare socket ${bytes.toFixed(0)}, ${ratio(bytes, here.reading)})`,
    );
    console.log(`small operations, a second: in process ${here.calling.toFixed(0)}`);
    console.log(
      `  through the socket ${there.calling.toFixed(0)}, ${ratio(there.calling, echo)} of a bare echo (${echo.toFixed(0)})`,
    );
  } finally {
    other.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--serve") await serve(process.argv[3] ?? "");
else await run();
