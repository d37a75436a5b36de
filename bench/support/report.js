// @ts-check
/** What a benchmark tells: a line for each result as it comes, and the same for the table of all benchmarks. */
import { appendFileSync } from "node:fs";
import { basename } from "node:path";
import { loadAverage, machine } from "./machine.js";
import { median } from "./median.js";

/** Names the file that takes each result as a line of JSON. */
export const RESULTS_VARIABLE = "BENCHMARK_RESULTS";

/**
 * Something of ours beside something else that did the like in the same run.
 * @typedef {object} Ratio
 * @property {"ratio"} kind
 * @property {string} benchmark
 * @property {string} what
 * @property {string} ours with its unit
 * @property {string} reference what it is, with figure and unit
 * @property {number} ratio how many times as fast as the reference
 * @property {[least: number, most: number] | undefined} range of the rounds, if there were several
 * @property {number | undefined} aim the least ratio that is asked for
 */

/**
 * A figure that has a limit of its own, and no reference.
 * @typedef {object} Figure
 * @property {"figure"} kind
 * @property {string} benchmark
 * @property {string} what
 * @property {number} value
 * @property {string} unit
 * @property {number} limit
 * @property {"most" | "least"} bound whether the limit is the most or the least that is asked for
 */

/**
 * A part that could not run here.
 * @typedef {object} Skipped
 * @property {"skipped"} kind
 * @property {string} benchmark
 * @property {string} what
 * @property {string} reason
 */

/** @typedef {Ratio | Figure | Skipped} Result */

/** @param {Figure} figure */
export function holds({ bound, limit, value }) {
  return bound === "most" ? value <= limit : value >= limit;
}

/** Three digits, or all that are before the point. @param {number} value */
export function short(value) {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** @param {number} bytes @param {number} seconds */
export function rate(bytes, seconds) {
  return `${short(bytes / 1e6 / seconds)} MB/s`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds >= 1) return `${short(seconds)} s`;
  return seconds >= 0.001 ? `${short(seconds * 1e3)} ms` : `${short(seconds * 1e6)} us`;
}

/** @param {Result} result */
function line(result) {
  if (result.kind === "skipped") return `${result.what}: skipped, ${result.reason}`;
  if (result.kind === "figure") {
    const { bound, limit, unit, value, what } = result;
    return `${what}: ${short(value)} ${unit} (asked: at ${bound} ${limit.toLocaleString("en-US")})`;
  }
  const { aim, ours, range, ratio, reference, what } = result;
  const between = range ? ` (${range.map((one) => one.toFixed(2)).join(" to ")})` : "";
  const asked = aim === undefined ? "" : ` (asked: ${aim})`;
  return `${what}: ${ours}, ${ratio.toFixed(2)}${between} of ${reference}${asked}`;
}

/**
 * Says where and with what the benchmark runs, and takes its results.
 * @param {string} program `import.meta.filename` of the benchmark
 * @param {string} sizes how much of what, and how often
 */
export function startReport(program, sizes) {
  const benchmark = basename(program, ".js");
  const results = process.env[RESULTS_VARIABLE];
  console.log(`${benchmark}: ${sizes}; ${machine()}; load average ${loadAverage()}`);
  /** @param {Result} result */
  const add = (result) => {
    console.log(line(result));
    if (results) appendFileSync(results, `${JSON.stringify(result)}\n`);
  };
  return {
    /**
     * The median counts.
     * @param {{ what: string, ours: string, reference: string, ratios: readonly number[], aim?: number }} result
     */
    ratio({ aim, ours, ratios, reference, what }) {
      /** @type {[number, number] | undefined} */
      const range = ratios.length > 1 ? [Math.min(...ratios), Math.max(...ratios)] : undefined;
      add({ kind: "ratio", benchmark, what, ours, reference, ratio: median(ratios), range, aim });
    },
    /** @param {{ what: string, value: number, unit: string, limit: number, bound?: "most" | "least" }} figure */
    figure({ bound = "most", ...figure }) {
      add({ kind: "figure", benchmark, ...figure, bound });
    },
    /** @param {string} what @param {string} reason */
    skipped(what, reason) {
      add({ kind: "skipped", benchmark, what, reason });
    },
    /** What goes with the results and has neither reference nor limit. @param {string} text */
    note(text) {
      console.log(text);
    },
  };
}

/** @typedef {ReturnType<typeof startReport>} Report */
