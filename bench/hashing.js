// @ts-check
/**
 * Whole files through Content Information, in the caller's thread and in pools, against `openssl dgst` on the same
 * file. `node bench/hashing.js [MiB] [rounds] [directory]`, 1,024 MiB and 5 rounds unless told.
 */
import { execFile } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { median } from "./support/median.js";
import { againstOpenssl, digestOf, secondsOf } from "./support/openssl.js";
import { rate, startReport } from "./support/report.js";

const run = promisify(execFile);
/** Enough for every worker of a pool to have a part. */
const SMALL_MIB = 24;
const sizeMiB = Number(process.argv[2] ?? 1_024);
const rounds = Number(process.argv[3] ?? 5);
const directory = mkdtempSync(join(process.argv[4] ?? tmpdir(), "branchcache-bench-hashing-"));
const path = join(directory, "content");
const halfPath = join(directory, "half");
const smallPath = join(directory, "small");
const bytes = sizeMiB * 2 ** 20;

/** @param {string} file @param {number} mebibytes */
function fill(file, mebibytes) {
  const handle = openSync(file, "w");
  const mebibyte = new Uint8Array(1 << 20);
  for (let n = 0; n < mebibytes; n++) writeSync(handle, randomFillSync(mebibyte));
  closeSync(handle);
}

/** @typedef {import("./support/process-use.js").OwnUse & { answer: string }} Run */

/** @param {string} mode @param {string} file @returns {Promise<Run>} */
async function hashed(mode, file) {
  const args = [join(import.meta.dirname, "hashing", "run.js"), mode, file, smallPath];
  return JSON.parse((await run(process.execPath, args)).stdout);
}

/** @param {readonly Run[]} runs */
const mostMB = (runs) => Math.round(Math.max(...runs.map(({ mostResidentMB }) => mostResidentMB)));

/** Each hashes both versions apart and in one reading. */
const ways = [
  { name: "caller's thread", mode: (/** @type {string} */ version) => `thread:${version}` },
  { name: "pool of 1", mode: (/** @type {string} */ version) => `pool:${version}:1` },
  { name: "pool of 2", mode: (/** @type {string} */ version) => `pool:${version}:2` },
];
const versions = /** @type {const} */ ([1, 2]);

async function checkAnswers() {
  for (const version of ["v1", "v2", "both"]) {
    const answers = new Set();
    for (const { mode } of ways) answers.add((await hashed(mode(version), smallPath)).answer);
    if (answers.size !== 1) throw new Error(`threads and pools disagree on ${version}`);
  }
}

async function bench() {
  const report = startReport(import.meta.filename, `a file of ${sizeMiB} MiB, ${rounds} rounds`);
  fill(path, sizeMiB);
  fill(halfPath, sizeMiB / 2);
  fill(smallPath, SMALL_MIB);
  await checkAnswers();
  for (const { name, mode } of ways) {
    /** @typedef {Awaited<ReturnType<typeof againstOpenssl<Run>>>} Pair */
    /** @type {Record<1 | 2, Pair[]>} */
    const apart = { 1: [], 2: [] };
    /** @type {Run[]} */
    const both = [];
    // In turn: what is compared happens within seconds.
    for (let n = 0; n < rounds; n++) {
      for (const version of versions) {
        const work = () => hashed(mode(`v${version}`), path);
        apart[version].push(await againstOpenssl(digestOf(version), path, 1, work));
      }
      both.push(await hashed(mode("both"), path));
    }
    for (const version of versions) {
      const pairs = apart[version];
      report.ratio({
        what: `V${version}${version === 2 ? " with cutting" : ""}, ${name}`,
        ours: rate(bytes, median(pairs.map(({ seconds }) => seconds))),
        reference: `openssl ${digestOf(version)}, ${rate(bytes, median(pairs.map((pair) => pair.referenceSeconds)))}`,
        ratios: pairs.flatMap(({ ratios }) => ratios),
      });
    }
    const sums = both.map((_, n) => (apart[1][n]?.seconds ?? 0) + (apart[2][n]?.seconds ?? 0));
    report.ratio({
      what: `both versions in one reading, ${name}`,
      ours: rate(bytes, median(both.map(({ seconds }) => seconds))),
      reference: `one after the other, ${rate(bytes, median(sums))}`,
      ratios: both.map(({ seconds }, n) => (sums[n] ?? 0) / seconds),
    });
    const memory = versions.map((version) => mostMB(apart[version].flatMap(({ took }) => took)));
    report.note(`  most memory: ${memory.join(", ")} and ${mostMB(both)} MB`);
  }
  for (const version of versions) {
    const digest = digestOf(version);
    // Both halves at once: what two cores of this machine can do at best.
    const half = `openssl dgst -${digest} "$0"`;
    const { ratios, referenceSeconds, seconds } = await againstOpenssl(digest, path, rounds, async () => ({
      seconds: await secondsOf("sh", ["-c", `${half} & ${half} & wait`, halfPath]),
    }));
    report.ratio({
      what: `for comparison: openssl ${digest} of two halves at once`,
      ours: rate(bytes, seconds),
      reference: `openssl ${digest}, ${rate(bytes, referenceSeconds)}`,
      ratios,
    });
  }
  /** @type {{ cut: Run, sha512: Run }[]} */
  const alone = [];
  for (let n = 0; n < rounds; n++) {
    alone.push({ sha512: await hashed("sha512", path), cut: await hashed("cut", path) });
  }
  report.ratio({
    what: "cutting alone, from memory",
    ours: rate(bytes, median(alone.map(({ cut }) => cut.seconds))),
    reference: `SHA-512 in blocks of 64 KiB, ${rate(bytes, median(alone.map(({ sha512 }) => sha512.seconds)))}`,
    ratios: alone.map(({ cut, sha512 }) => sha512.seconds / cut.seconds),
  });
  const idle = await hashed("idle", smallPath);
  report.note(`of the memory, Node.js and the package without work: ${mostMB([idle])} MB`);
}

try {
  await bench();
} finally {
  rmSync(directory, { recursive: true });
}
