// @ts-check
/**
 * Retrieval between two processes on loopback, encrypted and verified, each run paired with `openssl dgst`
 * over a file of the same size; `curl` from nginx, and `aria2c` by BitTorrent, where they are installed.
 * `node bench/retrieval.js [MiB] [runs]`, after a build; 1,024 MiB and 5 runs unless told.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  curlSeconds,
  runClient,
  runFloor,
  startPeer,
  together,
  writeContent,
} from "./retrieval/processes.js";
import { startTorrent } from "./retrieval/torrent.js";
import { median } from "./support/median.js";
import { againstOpenssl, digestOf } from "./support/openssl.js";
import { rate, startReport } from "./support/report.js";

/**
 * @typedef {object} Shape
 * @property {string} name
 * @property {1 | 2} version
 * @property {"sealed" | "kept"} [mode]
 * @property {number} [peers] one by default
 * @property {number} [clients] one by default; they fetch the same at the same time
 * @property {number} [aim]
 */

/** @type {readonly Shape[]} */
const shapes = [
  { name: "V1", version: 1, aim: 0.5 },
  { name: "V1, plaintext not released", version: 1, mode: "kept" },
  { name: "V1, ciphertext kept as well", version: 1, mode: "sealed" },
  { name: "V1, four peers to one client", version: 1, peers: 4 },
  { name: "V1, one peer to four clients, together", version: 1, clients: 4 },
  { name: "V2, segments of 64 KiB", version: 2 },
];

const [megabytes = 1_024, runs = 5] = process.argv.slice(2).map(Number);
const bytes = megabytes * 1_048_576;
const report = startReport(import.meta.filename, `${megabytes} MiB on loopback, ${runs} runs`);

/** @param {readonly import("./support/process-use.js").OwnUse[]} uses @param {number} cpuSeconds for one fetch */
function told(uses, cpuSeconds) {
  const mostMB = Math.max(...uses.map(({ mostResidentMB }) => mostResidentMB));
  return `${mostMB.toFixed(0)} MB, ${((cpuSeconds * 1_024) / megabytes).toFixed(2)} CPU s a GiB`;
}

/** @param {Shape} shape @param {string} file */
async function fetchRow({ aim, clients = 1, mode, name, peers = 1, version }, file) {
  const started = await Promise.all(Array.from({ length: peers }, () => startPeer(version)));
  const ports = started.map(({ port }) => port);
  await runClient(version, bytes, "check", ports);
  const digest = digestOf(version);
  const { ratios, referenceSeconds, seconds, took } = await againstOpenssl(digest, file, runs, () =>
    together(clients, () => runClient(version, bytes, mode ?? "time", ports)),
  );
  const used = await Promise.all(started.map((peer) => peer.stop()));
  report.ratio({
    what: name,
    ours: rate(bytes, seconds),
    reference: `openssl ${digest}, ${rate(bytes, referenceSeconds)}`,
    ratios,
    ...(aim !== undefined && { aim }),
  });
  const taking = median(took.map(({ cpuSeconds }) => cpuSeconds));
  const giving = used.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / (runs * clients + 1);
  report.note(`  client ${told(took, taking)}; peer ${told(used, giving)} given`);
  return seconds;
}

/** @param {1 | 2} version @param {string} file */
async function floorRow(version, file) {
  const digest = digestOf(version);
  const { ratios, referenceSeconds, seconds } = await againstOpenssl(digest, file, runs, () =>
    runFloor(version, bytes),
  );
  report.ratio({
    what: `for comparison: V${version}, decrypted and hashed in a bare loop, no network`,
    ours: rate(bytes, seconds),
    reference: `openssl ${digest}, ${rate(bytes, referenceSeconds)}`,
    ratios,
  });
}

/** @param {number} oursSeconds of V1 @param {string} file */
async function compareWithCurl(oursSeconds, file) {
  const [seconds] = (await curlSeconds(file, runs, [1])) ?? [];
  if (seconds === undefined)
    return report.skipped("V1 beside curl from nginx", "one of them is not installed");
  report.ratio({
    what: "V1",
    ours: rate(bytes, oursSeconds),
    reference: `curl from nginx, nothing verified, ${rate(bytes, seconds)}`,
    ratios: [seconds / oursSeconds],
  });
}

/** @param {number} oursSeconds of V1 @param {string} file */
async function compareWithTorrent(oursSeconds, file) {
  const torrent = await startTorrent(file);
  if (!torrent) return report.skipped("V1 beside BitTorrent", "aria2 or mktorrent is not installed");
  try {
    const times = [];
    for (let n = 0; n < runs; n++) times.push(await torrent.fetch());
    const seconds = median(times);
    report.ratio({
      what: "V1",
      ours: rate(bytes, oursSeconds),
      reference: `aria2c by BitTorrent, ${rate(bytes, seconds)}`,
      ratios: [seconds / oursSeconds],
      aim: 3,
    });
  } finally {
    await torrent.stop();
  }
}

const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-retrieval-"));
try {
  const file = join(directory, "content");
  await writeContent(file, bytes);
  /** @type {Map<string, number>} */
  const took = new Map();
  for (const shape of shapes) took.set(shape.name, await fetchRow(shape, file));
  const first = took.get("V1") ?? Number.NaN;
  for (const version of /** @type {const} */ ([1, 2])) await floorRow(version, file);
  await compareWithCurl(first, file);
  await compareWithTorrent(first, file);
} finally {
  await rm(directory, { recursive: true, force: true });
}
