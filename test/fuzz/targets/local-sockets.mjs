// @ts-check
/** The daemon's two local sockets: the one for everybody, with both of its protocols, and that for administration. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publishBytes, ServerSecret, writeContentInformation } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { PEERDIST_PROTOCOL } from "@branchcache/peerdist/node";
import { Daemon } from "../../../packages/cli/dist/daemon/daemon.js";
import { encodeFrame } from "../../../packages/peer-node/dist/api/frames.js";
import { rawExchange } from "../lib/raw-exchange.mjs";
import { frameWithData, readFrames, withFrameLength } from "./frames.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

/** Bytes of a message, or of a call in it, as the data of the frame: that is how both protocols send them. @param {any} message */
function frameOf({ bytes, call, ...message }) {
  const { bytes: ofCall, ...rest } = call ?? {};
  const whole = call ? { ...message, call: rest } : message;
  const data = bytes ?? ofCall;
  return data ? frameWithData(whole, data) : encodeFrame(whole);
}

/** @param {readonly unknown[]} messages */
const frames = (...messages) => new Uint8Array(Buffer.concat(messages.map((message) => frameOf(message))));
const { v1 } = publishBytes(new Uint8Array(1_000).fill(1), { engine, versions: [1] });
const information = v1
  ? writeContentInformation(v1, ServerSecret.fromPassphrase("a"), engine)
  : new Uint8Array(0);
const CONTROL_RUNS = 50;
/** Stands in inputs for the token of the daemon that is running. */
const TOKEN = "!".repeat(64);

/** A daemon of its own in this thread, in a directory of its own. */
async function startDaemon() {
  const folder = await mkdtemp(join(tmpdir(), "branchcache-fuzz-"));
  const socket = join(folder, "api.sock");
  const configFile = join(folder, "branchcache.json");
  await writeFile(
    configFile,
    JSON.stringify({
      mode: "local",
      api: { socket },
      cache: { data: { path: join(folder, "cache"), max_bytes: "16MiB" } },
      content_server: { secret_file: join(folder, "secret") },
      metrics: { listen: "127.0.0.1:0" },
      log: { level: "error" },
    }),
  );
  // Threads have no umask of their own; who may open the sockets is no matter here.
  process.umask = () => 0o022;
  const daemon = await Daemon.start({ configFile, env: {} });
  return {
    folder,
    socket,
    async close() {
      await daemon.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {string} socket
 * @param {Uint8Array} good
 * @param {number} answers To the good one.
 * @param {(bytes: Uint8Array) => Uint8Array} [prepare]
 */
function asked(socket, good, answers, prepare = (bytes) => bytes) {
  let runs = 0;
  /** @param {Uint8Array} bytes */
  const messagesOf = (bytes) => readFrames([bytes]).messages.map(({ message }) => message);
  return async (/** @type {Uint8Array} */ bytes) => {
    if (runs++ % CONTROL_RUNS === 0) {
      const { bytes: answer } = await rawExchange({ path: socket }, prepare(good), {
        quietMs: 10_000,
        isEnough: (soFar) => messagesOf(new Uint8Array(soFar)).length >= answers,
      });
      if (messagesOf(new Uint8Array(answer)).length < answers)
        throw new Error("a good request got no answer");
    }
    const { bytes: answer } = await rawExchange({ path: socket }, prepare(bytes));
    const messages = /** @type {{ op?: string, code?: string }[]} */ (messagesOf(new Uint8Array(answer)));
    const internal = messages.find(({ code }) => code === "BC_INTERNAL");
    if (internal) throw new Error(`told as a fault of the daemon's own: ${JSON.stringify(internal)}`);
    return messages.some(({ op }) => op !== undefined && op !== "error") ? "answered" : "refused";
  };
}

const hello = { op: "hello", protocol: 1 };
const helloPeerDist = { op: "hello", protocol: PEERDIST_PROTOCOL };
const identify = { op: "identify", proof: false };
const identifier = new Uint8Array([1, 2, 3]);
const tag = new Uint8Array(16);
/** @param {readonly object[]} calls */
const peerDist = (...calls) =>
  frames(helloPeerDist, identify, ...calls.map((call, i) => ({ op: "call", id: i + 1, call })), {
    op: "close",
  });

/** @type {Target} */
const apiSocket = {
  name: "server-api-socket",
  isServer: true,
  seeds: () => [
    frames(hello, { op: "content", bytes: information }, { op: "open", name: "a" }, { op: "next", count: 2 }),
    frames(
      hello,
      { op: "content", bytes: information },
      { op: "open" },
      { op: "add", offsetBytes: 0, bytes: new Uint8Array(1_000).fill(1) },
      { op: "explain", from: 0 },
      { op: "next", count: 64 },
    ),
    peerDist(
      { method: "publishStream", identifier, lengthBytes: 3 },
      { method: "addToStream", handle: 1, operation: 1, bytes: identifier, moreBytes: 0, continued: false },
      { method: "completeStream", handle: 1, operation: 2 },
      {
        method: "openContentInformation",
        identifier,
        offsetBytes: 0,
        lengthBytes: 3,
        versions: { min: 1, max: 2 },
      },
      { method: "retrieveContentInformation", handle: 2, operation: 3, maxBytes: 4_096 },
      { method: "unpublish", identifier },
    ),
    peerDist(
      { method: "openContent", tag },
      { method: "addContentInformation", handle: 1, operation: 1, bytes: information },
      { method: "completeContentInformation", handle: 1, operation: 2 },
      { method: "addData", handle: 1, operation: 3, offsetBytes: 0, bytes: new Uint8Array(1_000).fill(1) },
      { method: "blockRead", handle: 1, operation: 4, offsetBytes: 0, maxBytes: 100, timeoutMs: 10 },
      { method: "streamRead", handle: 1, operation: 5, offsetBytes: 0, maxBytes: 100, timeoutMs: 10 },
      { method: "clientInformation", handle: 1 },
      { method: "cancel", operation: 5 },
      { method: "flush", tag, operation: 6 },
      { method: "close", handle: 1 },
    ),
  ],
  repair: withFrameLength,
  maxWork: 5_000_000,
  async open() {
    const { close, socket } = await startDaemon();
    return { run: asked(socket, frames(hello), 1), close };
  },
};

/** @param {string} method @param {unknown} [params] */
const request = (method, params) =>
  frames(
    { op: "hello", protocol: 1, token: TOKEN },
    { op: "request", id: 1, method, ...(params ? { params } : {}) },
  );

/** @type {Target} */
const controlSocket = {
  name: "server-control-socket",
  isServer: true,
  seeds: () => [
    ...[
      "status",
      "stats",
      "peers",
      "downloads",
      "findings",
      "config",
      "check",
      "secret-changed",
      "reload",
    ].map((method) => request(method)),
    request("events", { max: 3 }),
    request("reset", { metrics: true, cache: true }),
    frames({ op: "hello", protocol: 1 }, { op: "request", id: 1, method: "reload" }),
  ],
  repair: withFrameLength,
  maxWork: 20_000_000,
  async open() {
    const { close, folder } = await startDaemon();
    const token = await readFile(join(folder, "control.token"), "latin1");
    /** @param {Uint8Array} bytes */
    const prepare = (bytes) =>
      new Uint8Array(Buffer.from(Buffer.from(bytes).toString("latin1").replaceAll(TOKEN, token), "latin1"));
    return { run: asked(join(folder, "control.sock"), request("stats"), 2, prepare), close };
  },
};

export const targets = [apiSocket, controlSocket];
