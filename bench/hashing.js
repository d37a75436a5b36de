/**
 * Cutting and hashing against `openssl dgst` on the same file. `node bench/hashing.js [MiB] [rounds] [directory]`;
 * answers are checked before anything is timed, ratios are of the best rounds of one run.
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
const rounds = Number(process.argv[3] ?? 3);
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

const modes = ["v1", "v2", "both"].flatMap((version) => [
  `thread:${version}`,
  `pool:${version}:1`,
  `pool:${version}:2`,
]);

try {
  fill(path, sizeMiB);
  fill(halfPath, sizeMiB / 2);
  fill(smallPath, SMALL_MIB);
  for (const version of ["v1", "v2", "both"]) {
    const answers = new Set(
      modes.filter((mode) => mode.split(":")[1] === version).map((mode) => run(mode, smallPath).answer),
    );
    if (answers.size !== 1) throw new Error(`threads and pools disagree on ${version}`);
  }

  /** @type {Map<string, number>} */
  const best = new Map();
  /** @type {Map<string, number>} */
  const peak = new Map();
  /**
   * @param {string} what
   * @param {number} seconds
   */
  const note = (what, seconds) =>
    best.set(what, Math.min(best.get(what) ?? Number.POSITIVE_INFINITY, seconds));
  for (let round = 0; round < rounds; round++) {
    // In turns, so that a busy moment of the machine meets them all alike.
    for (const algorithm of ["sha256", "sha512"]) {
      note(`openssl ${algorithm}`, openssl(algorithm));
      note(`two openssl ${algorithm}`, twoOpenssl(algorithm));
    }
    for (const mode of [...modes, "cut", "sha512"]) {
      const { seconds, peakMB } = run(mode, path);
      note(mode, seconds);
      peak.set(mode, Math.max(peak.get(mode) ?? 0, peakMB));
    }
  }

  const seconds = (/** @type {string} */ what) => best.get(what) ?? Number.NaN;
  const rate = (/** @type {string} */ what) => Math.round((sizeMiB * 1.048576) / seconds(what));
  console.log(
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.version}, ${sizeMiB} MiB, best of ${rounds}`,
  );
  const ceiling = (/** @type {string} */ algorithm) =>
    (seconds(`openssl ${algorithm}`) / seconds(`two openssl ${algorithm}`)).toFixed(2);
  console.log(
    `openssl dgst: SHA-256 ${rate("openssl sha256")} MB/s, two at once ${ceiling("sha256")} of it; SHA-512 ${rate("openssl sha512")} MB/s, two at once ${ceiling("sha512")} of it`,
  );
  console.log(
    `cutting alone: ${rate("cut")} MB/s, ${(seconds("sha512") / seconds("cut")).toFixed(2)} of SHA-512 in blocks of 64 KiB (${rate("sha512")} MB/s)`,
  );
  const { peakMB: idleMB } = run("idle", smallPath);
  for (const mode of modes) {
    const [kind, version, workers] = mode.split(":");
    const name = kind === "thread" ? "caller's thread" : `pool of ${workers}`;
    const against =
      version === "both"
        ? `${(seconds(mode) / (seconds(mode.replace("both", "v1")) + seconds(mode.replace("both", "v2")))).toFixed(2)} of the time of V1 and V2 apart`
        : version === "v1"
          ? `${(seconds("openssl sha256") / seconds(mode)).toFixed(2)} of openssl SHA-256`
          : `${(seconds("openssl sha512") / seconds(mode)).toFixed(2)} of openssl SHA-512`;
    console.log(
      `${version}, ${name}: ${rate(mode)} MB/s, ${against}, peak ${Math.round(peak.get(mode) ?? 0)} MB`,
    );
  }
  console.log(`of each peak, Node and the package without work: ${Math.round(idleMB)} MB`);
} finally {
  rmSync(directory, { recursive: true });
}
