// @ts-check
/**
 * The gateway for clients that know nothing of BranchCache, beside nginx as a proxy and nginx direct; and the time
 * from a first request to Content Information, beside openssl over the same file.
 * `node bench/gateway.js [MiB of content] [seconds]`, 1,024 MiB and 5 s unless told. Load comes from wrk where it is
 * installed, which leaves more of the machine to the servers; else from this process.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess } from "@branchcache/cli/testing";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { command } from "../test/support/commands.mjs";
import { findProgram } from "../test/support/find-program.mjs";
import { startNginx } from "../test/support/nginx.mjs";
import { againstOpenssl } from "./support/openssl.js";
import { duration, rate, short, startReport } from "./support/report.js";

const contentMiB = Number(process.argv[2] ?? 1_024);
const seconds = Number(process.argv[3] ?? 5);
const CONNECTIONS = 16;
const files = /** @type {const} */ ([
  { name: "small.bin", size: "16 KiB", sizeBytes: 16 * 1_024 },
  { name: "large.bin", size: "4 MiB", sizeBytes: 4 * 1_048_576 },
]);
const wrkPath = findProgram("wrk");
const report = startReport(
  import.meta.filename,
  `${CONNECTIONS} connections kept, load from ${wrkPath ? "wrk" : "Node.js"}, ${seconds} s each after a round to warm up; ${contentMiB} MiB hashed`,
);

const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-gateway-"));
/** @type {(() => unknown)[]} */
const closers = [() => rm(directory, { recursive: true, force: true })];
try {
  const nginx = findProgram("nginx");
  if (nginx) await bench(nginx);
  else report.skipped("all of it", "nginx is not installed");
} finally {
  for (const close of closers.reverse()) await close();
}

/** @param {string} nginxPath */
async function bench(nginxPath) {
  const root = join(directory, "www");
  await mkdir(root);
  for (const { name, sizeBytes } of files) await writeFile(join(root, name), systemRandom.bytes(sizeBytes));
  const big = await open(join(root, "big.bin"), "w");
  for (let i = 0; i < contentMiB; i++) await big.write(systemRandom.bytes(1_048_576));
  await big.close();

  /** @param {(port: number) => string} block */
  const nginx = async (block) => {
    const server = await startNginx(
      nginxPath,
      (port) => `sendfile on; keepalive_requests 1000000; ${block(port)}`,
    );
    closers.push(() => server[Symbol.asyncDispose]());
    return server.port;
  };
  const direct = await nginx((port) => `server { listen 127.0.0.1:${port}; root ${root}; }`);
  const proxy = await nginx(
    (port) => `upstream o { server 127.0.0.1:${direct}; keepalive 64; }
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://o; proxy_http_version 1.1;
        proxy_set_header Connection ""; proxy_buffering off; } }`,
  );
  const gateway = await startGateway("plain", direct);
  for (const { name, size, sizeBytes } of files) {
    const path = `/${name}`;
    const ours = await loadOf(gateway.port, path, sizeBytes);
    for (const [reference, port] of /** @type {const} */ ([
      ["nginx as a proxy", proxy],
      ["nginx direct", direct],
    ])) {
      const theirs = await loadOf(port, path, sizeBytes);
      report.ratio({
        what: `plain requests of ${size}`,
        ours: `${short(ours.rate)} requests/s`,
        reference: `${reference}, ${short(theirs.rate)} requests/s`,
        ratios: [ours.rate / theirs.rate],
      });
      report.note(`  ${told("gateway", ours)}; ${told(reference, theirs)}`);
    }
  }
  for (const method of /** @type {const} */ (["HEAD", "GET"])) {
    await untilReady(method, direct, join(root, "big.bin"));
  }
}

/** @typedef {{ rate: number, p50: number, p99: number }} Load requests a second, and milliseconds */

/** @param {string} who @param {Load} load */
function told(who, { p50, p99 }) {
  return `${who}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
}

/**
 * From the first request at a gateway that knows nothing until it has Content Information of both versions.
 * @param {"HEAD" | "GET"} method @param {number} origin @param {string} path of the file
 */
async function untilReady(method, origin, path) {
  const bytes = contentMiB * 1_048_576;
  const offer = {
    "Accept-Encoding": "peerdist",
    "X-P2P-PeerDist": "Version=1.1",
    "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0",
  };
  const gateway = await startGateway(method, origin);
  const agent = new HttpAgent({ keepAlive: true });
  const { ratios, referenceSeconds, seconds } = await againstOpenssl("sha256", path, 1, async () => {
    const startMs = systemClock.monotonicMs();
    await get(agent, gateway.port, "/big.bin", offer, method);
    await gateway.process.event("publish.done");
    return { seconds: (systemClock.monotonicMs() - startMs) / 1e3 };
  });
  const answer = await get(agent, gateway.port, "/big.bin", offer);
  agent.destroy();
  if (answer.headers["content-encoding"] !== "peerdist") throw new Error("no Content Information");
  const information = readContentInformation(Buffer.concat(answer.parts), nodeHashEngine);
  if (information.range.endBytes !== bytes) throw new Error("Content Information of other content");
  report.ratio({
    what: `from a first ${method} to Content Information of both versions`,
    ours: `${duration(seconds)}, ${rate(bytes, seconds)}`,
    reference: `openssl sha256, ${duration(referenceSeconds)}`,
    ratios,
  });
}

/** Checks every answer first. @param {number} port @param {string} path @param {number} sizeBytes @returns {Promise<Load>} */
async function loadOf(port, path, sizeBytes) {
  await load(port, path, sizeBytes, seconds / 5);
  return wrkPath ? wrk(wrkPath, port, path) : load(port, path, sizeBytes, seconds);
}

/**
 * @param {number} port
 * @param {string} path
 * @param {number} sizeBytes
 * @param {number} duration seconds
 */
async function load(port, path, sizeBytes, duration) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS });
  const endMs = systemClock.monotonicMs() + duration * 1_000;
  /** @type {number[]} */
  const times = [];
  const worker = async () => {
    while (systemClock.monotonicMs() < endMs) {
      const startMs = systemClock.monotonicMs();
      const { status, bytes } = await get(agent, port, path, {});
      if (status !== 200 || bytes !== sizeBytes) throw new Error(`${status} with ${bytes} bytes`);
      times.push(systemClock.monotonicMs() - startMs);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => times[Math.floor((times.length - 1) * share)] ?? 0;
  return { rate: times.length / duration, p50: at(0.5), p99: at(0.99) };
}

/** @param {string} program @param {number} port @param {string} path */
async function wrk(program, port, path) {
  const url = `http://127.0.0.1:${port}${path}`;
  const args = [
    ...["-t", "1", "-c", String(CONNECTIONS), "-d", `${Math.ceil(seconds)}s`],
    ...["--latency", "--timeout", "30s", url],
  ];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (/** @type {Buffer} */ part) => {
    text += part;
  });
  await once(child, "close");
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(text);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  const latency = (/** @type {number} */ percent) => {
    const [, value, unit = ""] = new RegExp(`\\s${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
    return Number(value) * (unit === "us" ? 0.001 : unit === "ms" ? 1 : 1_000);
  };
  return { rate, p50: latency(50), p99: latency(99) };
}

/**
 * @param {HttpAgent} agent
 * @param {number} port
 * @param {string} path
 * @param {Record<string, string>} headers
 * @returns {Promise<{ status: number | undefined, headers: import("node:http").IncomingHttpHeaders, bytes: number, parts: Buffer[] }>}
 */
function get(agent, port, path, headers, method = "GET") {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ agent, host: "127.0.0.1", port, path, headers, method }, (response) => {
      let bytes = 0;
      /** @type {Buffer[]} */
      const parts = [];
      const coded = response.headers["content-encoding"] === "peerdist";
      response.on("data", (/** @type {Buffer} */ part) => {
        bytes += part.length;
        if (coded) parts.push(part);
      });
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, bytes, parts }),
      );
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end();
  });
}

/** @param {string} name @param {number} origin */
async function startGateway(name, origin) {
  const gateway = await startProcess(
    command(
      "branchcache",
      ...["gateway", "--origin", `http://127.0.0.1:${origin}`, "--listen", "127.0.0.1:0"],
      ...["--log-format", "json", "--cache-dir", join(directory, `cache-${name}`)],
      ...["--secret-file", join(directory, "secret")],
    ),
  );
  closers.push(() => gateway.stop());
  const { url = "" } = await gateway.event("service.started");
  return { port: Number(new URL(url).port), process: gateway };
}
