/**
 * Cutting and hashing against `openssl dgst` on the same file. `node bench/hashing.js [MiB] [rounds] [directory]`;
 * answers are checked before anything is timed, and each run stands between two of the reference.
 */
import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

/** Enough for every worker of a pool to have a part. */
const SMALL_MIB = 24;
const sizeMiB = Number(process.argv[2] ?? 1024);
const rounds = Number(process.argv[3] ?? 5);
const directory = mkdtempSync(join(process.argv[4] ?? tmpdir(), "bench-hashing-"));
const path = join(directory, "content");
const halfPath = join(directory, "half");
const smallPath = join(directory, "small");
const runner = join(dirname(fileURLToPath(import.meta.url)), "hashing-run.js");

/**
 * @param {string} file
 * @param {number} mebibytes
 */
function fill(file, mebibytes) {
  const handle = openSync(file, "w");
  const mebibyte = new Uint8Array(1 << 20);
  for (let n = 0; n < mebibytes; n++) writeSync(handle, randomFillSync(mebibyte));
  closeSync(handle);
}

/**
 * @param {string} mode
 * @param {string} file
 * @returns {{ seconds: number, peakMB: number, answer: string }}
 */
function run(mode, file) {
  return JSON.parse(execFileSync(process.execPath, [runner, mode, file, smallPath], { encoding: "utf8" }));
}

/** @param {string} algorithm */
function openssl(algorithm) {
  const start = performance.now();
  execFileSync("openssl", ["dgst", `-${algorithm}`, path]);
  return (performance.now() - start) / 1000;
}

/**
 * Both halves at once: what two cores of this machine can do at best.
 *
 * @param {string} algorithm
 */
function twoOpenssl(algorithm) {
  const start = performance.now();
  const half = `openssl dgst -${algorithm} "$0"`;
  execFileSync("sh", ["-c", `${half} & ${half} & wait`, halfPath]);
  return (performance.now() - start) / 1000;
}

/** Each hashes both versions apart and in one reading. */
const kinds = [
  { name: "caller's thread", mode: (/** @type {string} */ version) => `thread:${version}` },
  { name: "pool of 1", mode: (/** @type {string} */ version) => `pool:${version}:1` },
  { name: "pool of 2", mode: (/** @type {string} */ version) => `pool:${version}:2` },
];
const versions = [
  { version: "v1", algorithm: "sha256" },
  { version: "v2", algorithm: "sha512" },
];

/** @type {Map<string, number[]>} By what was measured: one ratio for each round. */
const ratios = new Map();
/** @type {Map<string, number>} By what was run: the least seconds, the most megabytes. */
const best = new Map();
/** @type {Map<string, number>} */
const peak = new Map();

/**
 * @param {string} what
 * @param {number} ratio
 */
function note(what, ratio) {
  ratios.set(what, [...(ratios.get(what) ?? []), ratio]);
}

/**
 * @param {string} what
 * @param {() => number} run
 */
function timed(what, run) {
  const seconds = run();
  best.set(what, Math.min(best.get(what) ?? Number.POSITIVE_INFINITY, seconds));
  return seconds;
}

/** @param {string} mode */
function timedRun(mode) {
  return timed(mode, () => {
    const { seconds, peakMB } = run(mode, path);
    peak.set(mode, Math.max(peak.get(mode) ?? 0, peakMB));
    return seconds;
  });
}

/**
 * Between two runs of the reference, so that a busy moment of the machine meets both.
 *
 * @param {string} what
 * @param {string} algorithm
 * @param {() => number} run
 */
function againstOpenssl(what, algorithm, run) {
  const reference = () => timed(`openssl ${algorithm}`, () => openssl(algorithm));
  const before = reference();
  const seconds = run();
  note(what, (before + reference()) / 2 / seconds);
  return seconds;
}

function round() {
  for (const { name, mode } of kinds) {
    const apart = versions.map(({ version, algorithm }) =>
      againstOpenssl(`${version}, ${name}`, algorithm, () => timedRun(mode(version))),
    );
    note(`both, ${name}`, timedRun(mode("both")) / apart.reduce((sum, seconds) => sum + seconds));
  }
  for (const { algorithm } of versions) {
    againstOpenssl(`two openssl ${algorithm}`, algorithm, () => twoOpenssl(algorithm));
  }
  note("cutting", timedRun("sha512") / timedRun("cut"));
}

/** @param {string} what */
function shown(what) {
  const sorted = [...(ratios.get(what) ?? [])].sort((a, b) => a - b);
  const at = (/** @type {number} */ index) => (sorted[index] ?? Number.NaN).toFixed(2);
  return `${at(sorted.length >> 1)} (${at(0)} to ${at(sorted.length - 1)})`;
}

/** @param {string} what */
function rate(what) {
  return `${Math.round((sizeMiB * 1.048576) / (best.get(what) ?? Number.NaN))} MB/s`;
}

function report() {
  const { peakMB: idleMB } = run("idle", smallPath);
  console.log(
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.version}, ${sizeMiB} MiB; ` +
      `rates are the best, ratios the median of ${rounds}`,
  );
  for (const { algorithm } of versions) {
    const two = shown(`two openssl ${algorithm}`);
    console.log(`openssl dgst -${algorithm}: ${rate(`openssl ${algorithm}`)}, halves at once ${two} of it`);
  }
  console.log(
    `cutting alone: ${rate("cut")}, ${shown("cutting")} of SHA-512 in blocks of 64 KiB (${rate("sha512")})`,
  );
  for (const version of ["v1", "v2", "both"]) {
    const algorithm = versions.find((one) => one.version === version)?.algorithm;
    const against = algorithm ? `of openssl ${algorithm}` : "of the time of both apart";
    for (const { name, mode } of kinds) {
      const what = `${version}, ${name}`;
      const peakMB = Math.round(peak.get(mode(version)) ?? 0);
      console.log(`${what}: ${rate(mode(version))}, ${shown(what)} ${against}, peak ${peakMB} MB`);
    }
  }
  console.log(`of each peak, Node and the package without work: ${Math.round(idleMB)} MB`);
}

try {
  fill(path, sizeMiB);
  fill(halfPath, sizeMiB / 2);
  fill(smallPath, SMALL_MIB);
  for (const version of ["v1", "v2", "both"]) {
    const answers = new Set(kinds.map(({ mode }) => run(mode(version), smallPath).answer));
    if (answers.size !== 1) throw new Error(`threads and pools disagree on ${version}`);
  }
  for (let turn = 0; turn < rounds; turn++) round();
  report();
} finally {
  rmSync(directory, { recursive: true });
}
