// @ts-check
/** `openssl dgst` as the reference for whatever hashes. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { median } from "./median.js";

const run = promisify(execFile);

/** How long a program runs, in seconds. @param {string} program @param {readonly string[]} args */
export async function secondsOf(program, args) {
  const start = performance.now();
  await run(program, args);
  return (performance.now() - start) / 1_000;
}

/** @typedef {"sha256" | "sha512"} Digest */

/** @param {Digest} digest @param {string} file */
export function opensslSeconds(digest, file) {
  return secondsOf("openssl", ["dgst", `-${digest}`, file]);
}

/** With which blocks of a version are hashed. @param {1 | 2} version @returns {Digest} */
export function digestOf(version) {
  return version === 1 ? "sha256" : "sha512";
}

/**
 * Each run stands between two of `openssl dgst` over the file, so that a busy moment of the machine meets both.
 * @template {{ seconds: number }} T
 * @param {Digest} digest
 * @param {string} file
 * @param {number} runs
 * @param {() => Promise<T>} work
 */
export async function againstOpenssl(digest, file, runs, work) {
  /** @type {T[]} */
  const took = [];
  /** @type {number[]} */
  const references = [];
  for (let i = 0; i < runs; i++) {
    const before = await opensslSeconds(digest, file);
    took.push(await work());
    references.push((before + (await opensslSeconds(digest, file))) / 2);
  }
  const seconds = took.map((one) => one.seconds);
  return {
    took,
    /** Of the median run. */
    seconds: median(seconds),
    referenceSeconds: median(references),
    /** How many times as fast as `openssl` each run was. */
    ratios: seconds.map((one, i) => (references[i] ?? Number.NaN) / one),
  };
}
