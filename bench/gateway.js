// @ts-check
/**
 * The gateway for clients that know nothing of BranchCache, beside nginx direct and nginx as a proxy; and the time
 * from a first request to Content Information, beside openssl over the same file.
 * `node bench/gateway.js [MiB of content] [seconds]`; needs nginx and openssl. Load comes from wrk where it is
 * installed, which leaves more of the machine to the servers; else from this process.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { link, mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { systemClock, systemRandom } from "@branchcache/runtime/node";

const contentMiB = Number(process.argv[2] ?? 1_024);
const seconds = Number(process.argv[3] ?? 5);
const CONNECTIONS = 16;
const SMALL_BYTES = 16 * 1_024;
const LARGE_BYTES = 4 * 1_048_576;
const cli = join(import.meta.dirname, "..", "packages", "cli", "dist", "branchcache.js");
const nginxPath = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => spawnSync(path, ["-v"]).status === 0);
if (!nginxPath) {
  console.log("skipped: nginx is not installed");
  process.exit(0);
}

const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-gateway-"));
const hasWrk = spawnSync("wrk", ["-v"]).error === undefined;
/** @type {(() => unknown)[]} */
const closers = [() => rm(directory, { recursive: true, force: true })];
try {
  await run();
} finally {
  for (const close of closers.reverse()) await close();
}

async function run() {
  const root = join(directory, "www");
  await mkdir(root);
  await writeFile(join(root, "small.bin"), systemRandom.bytes(SMALL_BYTES));
  await writeFile(join(root, "large.bin"), systemRandom.bytes(LARGE_BYTES));
  const big = await open(join(root, "big.bin"), "w");
  for (let i = 0; i < contentMiB; i++) await big.write(systemRandom.bytes(1_048_576));
  await big.close();
  // The same bytes under another URL: hashed anew.
  await link(join(root, "big.bin"), join(root, "again.bin"));

  const direct = await nginx("origin", (port) => `server { listen 127.0.0.1:${port}; root ${root}; }`);
  const proxy = await nginx(
    "proxy",
    (port) => `upstream o { server 127.0.0.1:${direct}; keepalive 64; }
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://o; proxy_http_version 1.1;
        proxy_set_header Connection ""; proxy_buffering off; } }`,
  );
  const gateway = await startGateway(direct);

  const targets = /** @type {const} */ ([
    ["nginx direct", direct],
    ["nginx as proxy", proxy],
    ["gateway", gateway.port],
  ]);
  console.log(
    `plain clients, ${CONNECTIONS} connections kept, load from ${hasWrk ? "wrk" : "Node.js"}, ${seconds} s each, one round to warm up`,
  );
  for (const [file, sizeBytes] of /** @type {const} */ ([
    ["small.bin", SMALL_BYTES],
    ["large.bin", LARGE_BYTES],
  ])) {
    for (const [name, port] of targets) {
      await load(port, `/${file}`, sizeBytes, seconds / 5);
      const { rate, p50, p99 } = hasWrk
        ? await wrk(port, `/${file}`)
        : await load(port, `/${file}`, sizeBytes, seconds);
      console.log(
        `${name.padEnd(16)} ${(sizeBytes / 1_024).toFixed(0).padStart(6)} KiB  ${rate.toFixed(0).padStart(6)} requests/s  ` +
          `${((rate * sizeBytes) / 1e6).toFixed(0).padStart(5)} MB/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`,
      );
    }
  }
  await untilReady(gateway, root);
}

/**
 * @param {{ port: number, logged: (event: string) => Promise<unknown> }} gateway
 * @param {string} root
 */
async function untilReady(gateway, root) {
  const path = join(root, "big.bin");
  spawnSync("openssl", ["dgst", "-sha256", path]);
  const beforeMs = systemClock.monotonicMs();
  if (spawnSync("openssl", ["dgst", "-sha256", path]).status !== 0) throw new Error("openssl failed");
  const opensslMs = systemClock.monotonicMs() - beforeMs;
  const offer = {
    "Accept-Encoding": "peerdist",
    "X-P2P-PeerDist": "Version=1.1",
    "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0",
  };
  const agent = new HttpAgent({ keepAlive: true });
  for (const [method, target] of /** @type {const} */ ([
    ["HEAD", "/big.bin"],
    ["GET", "/again.bin"],
  ])) {
    const hashed = gateway.logged("publish.done");
    const startMs = systemClock.monotonicMs();
    await get(agent, gateway.port, target, offer, method);
    await hashed;
    const readyMs = systemClock.monotonicMs() - startMs;
    const answer = await get(agent, gateway.port, target, offer);
    if (answer.headers["content-encoding"] !== "peerdist") throw new Error("no Content Information");
    const information = readContentInformation(Buffer.concat(answer.parts), nodeHashEngine);
    if (information.range.endBytes !== contentMiB * 1_048_576)
      throw new Error("Content Information of other content");
    console.log(
      `${contentMiB} MiB, first request a ${method}, until Content Information of both versions is ready: ` +
        `${readyMs.toFixed(0)} ms; openssl dgst -sha256 of the file: ${opensslMs.toFixed(0)} ms ` +
        `(ratio ${(opensslMs / readyMs).toFixed(2)})`,
    );
  }
  agent.destroy();
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

/**
 * After `load` has checked every answer.
 * @param {number} port
 * @param {string} path
 */
async function wrk(port, path) {
  const url = `http://127.0.0.1:${port}${path}`;
  const args = [
    "-t",
    "1",
    "-c",
    String(CONNECTIONS),
    "-d",
    `${Math.ceil(seconds)}s`,
    "--latency",
    "--timeout",
    "30s",
    url,
  ];
  const child = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
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

/** @param {number} origin */
async function startGateway(origin) {
  const child = spawn(
    process.execPath,
    [
      ...[
        cli,
        "gateway",
        "--origin",
        `http://127.0.0.1:${origin}`,
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
      ],
      ...["--cache-dir", join(directory, "cache"), "--secret-file", join(directory, "secret")],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  stopping(child);
  const lines = createInterface({ input: child.stderr });
  /** @param {string} event */
  const logged = (event) =>
    new Promise((resolve) => {
      /** @param {string} line */
      const look = (line) => {
        const entry = JSON.parse(line);
        if (entry.event !== event) return;
        lines.off("line", look);
        resolve(entry);
      };
      lines.on("line", look);
    });
  const { url } = /** @type {{ url: string }} */ (await logged("service.started"));
  return { port: Number(new URL(url).port), logged };
}

/** @param {import("node:child_process").ChildProcess} child */
function stopping(child) {
  const ended = once(child, "exit");
  closers.push(async () => {
    child.kill("SIGTERM");
    await ended;
  });
}

/**
 * @param {string} name
 * @param {(port: number) => string} block
 */
async function nginx(name, block) {
  const own = join(directory, name);
  await mkdir(own);
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${join(own, kind)};`)
    .join(" ");
  await writeFile(
    join(own, "nginx.conf"),
    `daemon off; worker_processes 1; ${process.getuid?.() === 0 ? "user root;" : ""} pid ${own}/pid; error_log ${own}/log;
     events { worker_connections 512; } http { access_log off; sendfile on; keepalive_requests 1000000; ${temporary} ${block(port)} }`,
  );
  const program = /** @type {string} */ (nginxPath);
  const child = spawn(program, ["-e", `${own}/log`, "-c", `${own}/nginx.conf`, "-p", own], {
    stdio: "ignore",
  });
  stopping(child);
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const isOpen = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return port;
    await systemClock.sleep(5);
  }
}

async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return address.port;
}
