// @ts-check
/**
 * Retrieval between two processes on loopback, encrypted and verified, each run paired with `openssl dgst`
 * over a file of the same size; `curl` from nginx, and `aria2c` by BitTorrent, where they are installed.
 *
 * `node bench/retrieval.js [MiB] [runs]`, after a build; 1,024 MiB and 5 runs unless told. Build first.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { plainBlock } from "./retrieval-content.js";
import { startTorrent } from "./retrieval-torrent.js";

const run = promisify(execFile);
const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * @typedef {object} Used
 * @property {number} maxRssMb
 * @property {number} cpuSeconds
 */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {number} seconds for one fetch, median
 * @property {string} digest what it is paired with
 * @property {number} digestSeconds median
 * @property {number} ratio median of digest seconds by seconds, run by run
 * @property {Used | undefined} client the most resident memory of one process, CPU seconds for one fetch
 * @property {Used | undefined} peer likewise
 */

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** @param {1 | 2} version */
export async function startPeer(version) {
  const child = spawn(process.execPath, [here("retrieval-peer.js"), String(version)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { port } = JSON.parse((await lines.next()).value ?? "{}");
  return {
    port: String(port),
    /** @returns {Promise<Used>} */
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
 * @param {"check" | "time" | "sealed" | "kept"} mode
 * @param {string[]} ports
 * @returns {Promise<Used & { seconds: number }>}
 */
export async function runClient(version, bytes, mode, ports) {
  const args = [here("retrieval-client.js"), String(version), String(bytes), mode, ...ports];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout);
}

/** @param {string} command @param {string[]} args */
async function seconds(command, args) {
  const start = performance.now();
  await run(command, args);
  return (performance.now() - start) / 1_000;
}

/**
 * @param {string} name
 * @param {number} runs
 * @param {string} digest
 * @param {string} file
 * @param {() => Promise<{ seconds: number } & Partial<Used>>} work
 * @returns {Promise<Row>}
 */
export async function paired(name, runs, digest, file, work) {
  /** @type {number[]} */
  const times = [];
  /** @type {number[]} */
  const digests = [];
  /** @type {Used | undefined} */
  let client;
  for (let i = 0; i < runs; i++) {
    const before = await seconds("openssl", ["dgst", `-${digest}`, file]);
    const { cpuSeconds, maxRssMb, seconds: took } = await work();
    const after = await seconds("openssl", ["dgst", `-${digest}`, file]);
    times.push(took);
    digests.push((before + after) / 2);
    if (maxRssMb !== undefined && cpuSeconds !== undefined) {
      client = { maxRssMb: Math.max(client?.maxRssMb ?? 0, maxRssMb), cpuSeconds };
    }
  }
  const ratio = median(times.map((time, i) => (digests[i] ?? 0) / time));
  return {
    name,
    seconds: median(times),
    digest,
    digestSeconds: median(digests),
    ratio,
    client,
    peer: undefined,
  };
}

/**
 * @typedef {object} Shape
 * @property {string} name
 * @property {1 | 2} version
 * @property {"time" | "sealed" | "kept"} [mode]
 * @property {number} [peers] one by default
 * @property {number} [clients] one by default; they fetch the same at the same time
 */

/** @param {Shape} shape @param {number} bytes @param {number} runs @param {string} file */
async function fetchRow({ name, version, mode = "time", peers = 1, clients = 1 }, bytes, runs, file) {
  const started = await Promise.all(Array.from({ length: peers }, () => startPeer(version)));
  const ports = started.map(({ port }) => port);
  await runClient(version, bytes, "check", ports);
  const row = await paired(name, runs, version === 1 ? "sha256" : "sha512", file, async () => {
    const all = await Promise.all(
      Array.from({ length: clients }, () => runClient(version, bytes, mode, ports)),
    );
    return {
      seconds: Math.max(...all.map((each) => each.seconds)) / clients,
      maxRssMb: Math.max(...all.map((each) => each.maxRssMb)),
      cpuSeconds: all.reduce((sum, each) => sum + each.cpuSeconds, 0) / clients,
    };
  });
  const used = await Promise.all(started.map((peer) => peer.stop()));
  row.peer = {
    maxRssMb: Math.max(...used.map((each) => each.maxRssMb)),
    cpuSeconds: used.reduce((sum, each) => sum + each.cpuSeconds, 0) / (runs * clients + 1),
  };
  return row;
}

/** What `node:crypto` alone takes for the same bytes. @param {1 | 2} version @param {number} bytes @param {number} runs @param {string} file */
function floorRow(version, bytes, runs, file) {
  const name = `V${version}, decrypted and hashed in a bare loop, no network`;
  return paired(name, runs, version === 1 ? "sha256" : "sha512", file, async () => {
    const { stdout } = await run(process.execPath, [
      here("retrieval-floor.js"),
      String(version),
      String(bytes),
    ]);
    return JSON.parse(stdout);
  });
}

/** @type {readonly Shape[]} */
const shapes = [
  { name: "V1", version: 1 },
  { name: "V1, plaintext not released", version: 1, mode: "kept" },
  { name: "V1, ciphertext kept as well", version: 1, mode: "sealed" },
  { name: "V1, four peers to one client", version: 1, peers: 4 },
  { name: "V1, one peer to four clients", version: 1, clients: 4 },
  { name: "V2", version: 2 },
];

/**
 * `file` is `content` in `directory`. With several clients the time is for one fetch of all that they made at once.
 * @param {string} directory @param {string} file @param {number} runs @param {number} [clients]
 * @returns {Promise<Row | undefined>}
 */
export async function curlRow(directory, file, runs, clients = 1) {
  const port = 20_000 + (process.pid % 20_000);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${join(directory, kind)};`)
    .join(" ");
  const config = join(directory, "nginx.conf");
  await mkdir(join(directory, "logs"), { recursive: true });
  await writeFile(
    config,
    `pid ${join(directory, "nginx.pid")}; daemon off; error_log stderr crit; worker_processes 1;
     ${process.getuid?.() === 0 ? "user root;" : ""}
     events {} http { access_log off; sendfile on; ${temporary}
     server { listen 127.0.0.1:${port}; root ${directory}; } }`,
  );
  const nginx = spawn("nginx", ["-p", directory, "-e", "stderr", "-c", config], { stdio: "ignore" });
  const failed = once(nginx, "error").then(() => true);
  const url = `http://127.0.0.1:${port}/content`;
  try {
    const get = ["--silent", "--fail", "--retry", "20", "--retry-connrefused", "--retry-delay", "1"];
    const warm = seconds("curl", [...get, "--output", "/dev/null", url]);
    if ((await Promise.race([failed, warm.catch(() => true)])) === true) return undefined;
    const name = clients === 1 ? "curl from nginx, unverified" : `${clients} curl from nginx, unverified`;
    return await paired(name, runs, "sha256", file, async () => {
      const all = await Promise.all(
        Array.from({ length: clients }, () =>
          seconds("curl", ["--silent", "--fail", "--output", "/dev/null", url]),
        ),
      );
      return { seconds: Math.max(...all) / clients };
    });
  } finally {
    nginx.kill();
  }
}

/** @param {string} file @param {number} runs @returns {Promise<Row | undefined>} */
async function torrentRow(file, runs) {
  const torrent = await startTorrent(file);
  if (!torrent) return undefined;
  try {
    return await paired("aria2c by BitTorrent", runs, "sha256", file, async () => ({
      seconds: await torrent.fetch(),
    }));
  } finally {
    await torrent.stop();
  }
}

/** What the peers serve, as a file. @param {string} file @param {number} bytes */
export async function writeContent(file, bytes) {
  const stream = createWriteStream(file);
  for (let i = 0; i < bytes / 65_536; i++) if (!stream.write(plainBlock(i))) await once(stream, "drain");
  stream.end();
  await finished(stream);
}

/**
 * @param {{ megabytes?: number, runs?: number }} [options]
 * @returns {Promise<readonly Row[]>}
 */
export async function retrievalBench({ megabytes = 1_024, runs = 5 } = {}) {
  const bytes = megabytes * 1_048_576;
  const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-"));
  try {
    const file = join(directory, "content");
    await writeContent(file, bytes);
    const rows = [];
    for (const shape of shapes) rows.push(await fetchRow(shape, bytes, runs, file));
    for (const version of /** @type {const} */ ([1, 2]))
      rows.push(await floorRow(version, bytes, runs, file));
    rows.push(await curlRow(directory, file, runs));
    rows.push(await torrentRow(file, runs));
    return rows.filter((row) => row !== undefined);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @param {readonly Row[]} rows @param {number} megabytes */
export function printRetrieval(rows, megabytes) {
  console.log(
    `Retrieval of ${megabytes} MiB on loopback, ${cpus().length} x ${cpus()[0]?.model}, ${process.version}`,
  );
  const shown = (/** @type {number | undefined} */ value, digits = 0) => value?.toFixed(digits) ?? "";
  console.table(
    rows.map(({ client, digest, digestSeconds, name, peer, ratio, seconds: took }) => ({
      what: name,
      "MiB/s": Math.round(megabytes / took),
      [`of openssl`]: `${ratio.toFixed(2)} (${digest}, ${Math.round(megabytes / digestSeconds)} MiB/s)`,
      "client MB": shown(client?.maxRssMb),
      "client CPU s": shown(client?.cpuSeconds, 2),
      "peer MB": shown(peer?.maxRssMb),
      "peer CPU s": shown(peer?.cpuSeconds, 2),
    })),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const megabytes = Number(process.argv[2] ?? 1_024);
  printRetrieval(await retrievalBench({ megabytes, runs: Number(process.argv[3] ?? 5) }), megabytes);
}
