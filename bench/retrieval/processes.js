// @ts-check
/** The processes of the retrieval benchmark: peers that serve its content, clients that fetch it, and `curl`. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { promisify } from "node:util";
import { findProgram } from "../../test/support/find-program.mjs";
import { startNginx } from "../../test/support/nginx.mjs";
import { median } from "../support/median.js";
import { secondsOf } from "../support/openssl.js";
import { plainBlock } from "./content.js";

/** @typedef {import("../support/process-use.js").OwnUse} OwnUse */
/** @typedef {"check" | "time" | "sealed" | "kept"} ClientMode */

const run = promisify(execFile);
const program = (/** @type {string} */ name) => join(import.meta.dirname, name);

/** What the peers serve, as a file. @param {string} file @param {number} bytes */
export async function writeContent(file, bytes) {
  const stream = createWriteStream(file);
  for (let i = 0; i < bytes / 65_536; i++) if (!stream.write(plainBlock(i))) await once(stream, "drain");
  stream.end();
  await finished(stream);
}

/** @param {1 | 2} version */
export async function startPeer(version) {
  const child = spawn(process.execPath, [program("peer.js"), String(version)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { port } = JSON.parse((await lines.next()).value ?? "{}");
  return {
    port: String(port),
    /** @returns {Promise<OwnUse>} */
    async stop() {
      child.stdin.end();
      const used = JSON.parse((await lines.next()).value ?? "{}");
      await once(child, "exit");
      return used;
    },
  };
}

/**
 * @param {1 | 2} version
 * @param {number} bytes
 * @param {ClientMode} mode
 * @param {readonly string[]} ports
 * @returns {Promise<OwnUse>}
 */
export async function runClient(version, bytes, mode, ports) {
  const args = [program("client.js"), String(version), String(bytes), mode, ...ports];
  return JSON.parse((await run(process.execPath, args)).stdout);
}

/**
 * Several that fetch the same at once: the time is for one fetch of all, the memory that of the largest.
 * @param {number} clients
 * @param {() => Promise<OwnUse>} fetchOnce
 */
export async function together(clients, fetchOnce) {
  const all = await Promise.all(Array.from({ length: clients }, fetchOnce));
  return {
    seconds: Math.max(...all.map(({ seconds }) => seconds)) / clients,
    cpuSeconds: all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / clients,
    mostResidentMB: Math.max(...all.map(({ mostResidentMB }) => mostResidentMB)),
  };
}

/** What `node:crypto` alone takes for the same bytes. @param {1 | 2} version @param {number} bytes @returns {Promise<OwnUse>} */
export async function runFloor(version, bytes) {
  const { stdout } = await run(process.execPath, [program("floor.js"), String(version), String(bytes)]);
  return JSON.parse(stdout);
}

/**
 * `curl` of the file from nginx, which verifies nothing, so many at once for each of `clients`: medians, in seconds for
 * one fetch. Undefined where one of the two is not installed.
 * @param {string} file
 * @param {number} runs
 * @param {readonly number[]} clients
 */
export async function curlSeconds(file, runs, clients) {
  const [nginx, curl] = [findProgram("nginx"), findProgram("curl")];
  if (nginx === undefined || curl === undefined) return undefined;
  const server = await startNginx(
    nginx,
    (port) => `sendfile on; server { listen 127.0.0.1:${port}; root ${dirname(file)}; }`,
  );
  const args = ["--silent", "--fail", "--output", "/dev/null", `${server.url}/${basename(file)}`];
  try {
    const medians = [];
    for (const count of clients) {
      const times = [];
      for (let n = 0; n < runs; n++) {
        const all = await Promise.all(Array.from({ length: count }, () => secondsOf(curl, args)));
        times.push(Math.max(...all) / count);
      }
      medians.push(median(times));
    }
    return medians;
  } finally {
    await server[Symbol.asyncDispose]();
  }
}
