// @ts-check
/** A thread that runs one target: its seeds and corpus first, then what is made of them. */
import { register } from "node:module";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { Coverage } from "./coverage.mjs";
import { dictionaryOf, Mutator } from "./mutator.mjs";
import { FuzzRandom } from "./random.mjs";
import { readCorpus, utf8 } from "./target.mjs";

/**
 * @typedef {object} WorkerInput
 * @property {string} url Of the module that has the target.
 * @property {string} name
 * @property {number} seed
 * @property {number} endMs By the system's clock; without `runs`.
 * @property {number} runs
 * @property {boolean} keep
 * @property {boolean} [stopAtFault]
 * @property {Uint8Array | undefined} only Nothing but this input is run.
 * @property {SharedArrayBuffer} shared Number of the run under way, 0 between runs; its length; its bytes.
 *
 * @typedef {object} Found
 * @property {"found"} kind
 * @property {Uint8Array} bytes
 * @property {string} text
 *
 * @typedef {object} Ended
 * @property {"ended"} kind
 * @property {number} runs
 * @property {number} features
 * @property {number} freshInputs
 * @property {Record<string, number>} outcomes
 * @property {number} slowestMs The longest run.
 * @property {readonly Uint8Array[]} corpus With `keep`: what is worth keeping.
 */

const input = /** @type {WorkerInput} */ (workerData);
const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
register("./instrument-hooks.mjs", import.meta.url, { data: ["/packages/", "/test/fuzz/planted/"] });

/** @type {{ targets: readonly import("./target.mjs").Target[] }} */
const { targets } = await import(input.url);
const target = /** @type {import("./target.mjs").Target} */ (targets.find(({ name }) => name === input.name));
const { maxBytes = 8_192, maxWork = 200_000, maxWorkPerByte = 500 } = target;

/** What one input may take, on the heap and outside of it: far more than any message has. */
const MAX_TAKEN_BYTES = 64 * 1024 * 1024;
/** Of one target in one run: more of them hardly tell anything new. */
const MAX_FOUND = 10;

/** Runs without a turn of the event loop, where a target leaves none itself. */
const RUNS_PER_TURN = 1_024;

const LEAST_MS = 500;

const state = new Int32Array(input.shared, 0, 2);
const place = new Uint8Array(input.shared, 8);
const coverage = new Coverage();
const random = new FuzzRandom(input.seed);
/** @type {Record<string, number>} */
const outcomes = {};
/** @type {Set<string>} */
const known = new Set();
let runs = 0;
let slowestMs = 0;
/** Of the last run. */
let outcome = "refused";
/** @type {Uint8Array} */
let current = new Uint8Array(0);

/**
 * What is wrong with it, without the values that differ each time.
 * @param {unknown} error
 */
function signatureOf(error) {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const place = /\(?file:.*?(packages\/[^\s):]+)/.exec(stack)?.[1] ?? "";
  return `${stack
    .split("\n")[0]
    ?.replace(/\d+|[0-9a-f]{8,}/gi, "#")
    .slice(0, 100)} ${place}`;
}

function takenBytes() {
  const { external_memory: outside, used_heap_size: heap } = getHeapStatistics();
  return outside + heap;
}

/** @param {unknown} error */
const textOf = (error) => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<unknown>} What was wrong.
 */
async function faultOf(bytes) {
  place.set(bytes.subarray(0, place.length));
  state[1] = bytes.length;
  Atomics.store(state, 0, ++runs);
  current = bytes;
  const before = takenBytes();
  const startMs = performance.now();
  outcome = "refused";
  coverage.clear();
  try {
    const came = running.run(bytes);
    outcome = typeof came === "string" ? came : await came;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    return undefined;
  } catch (error) {
    return error;
  } finally {
    Atomics.store(state, 0, 0);
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    const taken = takenBytes() - before;
    if (taken > MAX_TAKEN_BYTES) report(new Error(`${taken} bytes of memory taken`), bytes);
  }
}

/**
 * @param {unknown} error
 * @param {Uint8Array} bytes
 */
function report(error, bytes) {
  const signature = signatureOf(error);
  if (known.has(signature) || known.size >= MAX_FOUND) return;
  known.add(signature);
  port.postMessage({ kind: "found", bytes, text: textOf(error) });
}

/** The smallest input with the same fault that leaving parts out leads to. @param {unknown} error @param {Uint8Array} bytes */
async function minimised(error, bytes) {
  const signature = signatureOf(error);
  return shrunk(bytes, async (candidate) => {
    const fault = await faultOf(candidate);
    return fault !== undefined && signatureOf(fault) === signature;
  });
}

/** @param {Uint8Array} bytes @param {(candidate: Uint8Array) => Promise<boolean>} isGood */
async function shrunk(bytes, isGood) {
  let best = bytes;
  let tries = 300;
  for (let size = best.length >> 1; size >= 1 && tries > 0; size >>= 1) {
    for (let at = 0; at + size <= best.length && tries > 0; ) {
      const candidate = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      tries--;
      if (await isGood(new Uint8Array(candidate))) best = new Uint8Array(candidate);
      else at += size;
    }
  }
  return best;
}

/** Runs it; true if it went where none had gone before. @param {Uint8Array} bytes */
async function runOnce(bytes) {
  sinceTurn.push(bytes);
  const fault = await faultOf(bytes);
  const { fresh, work } = coverage.take();
  if (work > maxWork + maxWorkPerByte * bytes.length) {
    report(new Error(`${work} steps for ${bytes.length} bytes`), bytes);
  }
  if (fault !== undefined && !known.has(signatureOf(fault))) {
    report(fault, target.isServer ? bytes : await minimised(fault, bytes));
  }
  return fresh > 0;
}

/** Of these inputs, as few and as small as go everywhere that all of them go. @param {readonly Uint8Array[]} pool */
async function worthKeeping(pool) {
  /** @param {Uint8Array} bytes */
  const featuresOf = async (bytes) => {
    await faultOf(bytes);
    return coverage.featuresOfRun();
  };
  const covered = new Set();
  for (const seed of await target.seeds()) for (const feature of await featuresOf(seed)) covered.add(feature);
  const kept = [];
  for (const bytes of [...pool].sort((a, b) => a.length - b.length)) {
    const added = [...(await featuresOf(bytes))].filter((feature) => !covered.has(feature));
    if (added.length === 0) continue;
    const small = await shrunk(bytes, async (candidate) => {
      const features = await featuresOf(candidate);
      return added.every((feature) => features.has(feature));
    });
    for (const feature of await featuresOf(small)) covered.add(feature);
    for (const feature of added) covered.add(feature);
    kept.push(small);
  }
  return kept;
}

/** What was thrown outside of any run, and the inputs that may have led to it. @type {unknown} */
let stray;
/** @type {Uint8Array[]} */
let sinceTurn = [];
process.on("uncaughtException", (error) => {
  stray = error ?? new Error("nothing thrown");
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Lets what runs have left behind happen, and finds out which of them did if it throws. */
async function letLeftoversRun() {
  await turn();
  const error = stray;
  const suspects = sinceTurn;
  sinceTurn = [];
  if (error === undefined) return;
  let culprit = current;
  for (const bytes of suspects.reverse()) {
    stray = undefined;
    await faultOf(bytes);
    await turn();
    if (stray === undefined) continue;
    culprit = bytes;
    break;
  }
  stray = undefined;
  report(error, culprit);
}

const running = await target.open();
coverage.attach();
const seeds = input.only ? [input.only] : [...(await target.seeds()), ...readCorpus(input.name).values()];
/** @type {Uint8Array[]} */
const pool = [];
/** Those that are not refused: what is wrong with a good input is found by changing little in it. @type {Uint8Array[]} */
const accepted = [];
/** @param {Uint8Array} bytes */
const add = (bytes) => {
  pool.push(bytes);
  if (outcome !== "refused") accepted.push(bytes);
};
for (const seed of seeds) {
  await runOnce(seed);
  add(seed);
}
// Modules that are loaded when they are first needed.
coverage.attach();
for (const seed of seeds) await runOnce(seed);

const dictionary = [
  ...dictionaryOf(coverage.modules),
  ...(target.dictionary ?? []).map((word) => utf8(word)),
];
const mutator = new Mutator(random, dictionary, maxBytes);
const seedCount = pool.length;
// However long it took to get here: a moment is left for what this is about.
const endMs = Math.max(input.endMs, Date.now() + LEAST_MS);
const enough = () => (input.runs > 0 ? runs >= input.runs : Date.now() >= endMs);
while (!input.only && !enough() && !(input.stopAtFault && known.size > 0)) {
  // What was found last leads on; what was there first is not forgotten.
  const list = accepted.length > 0 && random.oneIn(2) ? accepted : pool;
  const from = random.oneIn(2) ? Math.max(0, list.length - 20) : 0;
  const parent = list[from + random.below(list.length - from)] ?? new Uint8Array(0);
  let child = mutator.mutate(parent, random.pick(pool));
  if (target.repair && random.oneIn(2)) child = target.repair(child);
  if (await runOnce(child)) add(child);
  if (sinceTurn.length >= RUNS_PER_TURN || stray !== undefined) await letLeftoversRun();
}
await letLeftoversRun();
const total = runs;
const corpus = input.keep ? await worthKeeping(pool.slice(seedCount - readCorpus(input.name).size)) : [];
await running.close?.();
port.postMessage({
  kind: "ended",
  runs: total,
  features: coverage.features,
  freshInputs: pool.length - seedCount,
  outcomes,
  slowestMs,
  corpus,
});
// Sockets that a server leaves to their timers must not keep the thread.
setImmediate(() => process.exit());
