// @ts-check
/** One target in a thread of its own, watched from outside: it may hang, crash, or take all memory. */
import { Worker } from "node:worker_threads";

/** A run that takes longer hangs: many times what the slowest takes on a busy machine. */
const HANG_MS = 20_000;
const HEAP_MB = 512;
const MAX_INPUT_BYTES = 1 << 20;

/**
 * @typedef {import("./worker.mjs").Ended} Ended
 * @typedef {{ readonly bytes: Uint8Array, readonly text: string }} Fault
 *
 * @typedef {object} How
 * @property {number} seconds
 * @property {number} runs Instead of the seconds, where it is not 0.
 * @property {number} seed
 * @property {boolean} keep
 * @property {Uint8Array} [only] Nothing but this input.
 * @property {boolean} [stopAtFault] Default: look on for others.
 * @property {number} [hangMs]
 */

/**
 * @param {string} name
 * @param {string} url Of the module that has the target.
 * @param {How} how
 * @returns {Promise<{ ended?: Ended, faults: Fault[] }>}
 */
export function runTarget(name, url, { hangMs = HANG_MS, seconds, ...how }) {
  const shared = new SharedArrayBuffer(8 + MAX_INPUT_BYTES);
  const state = new Int32Array(shared, 0, 2);
  const underWay = () => new Uint8Array(shared, 8, state[1] ?? 0).slice();
  /** @type {Fault[]} */
  const faults = [];
  /** @type {Ended | undefined} */
  let ended;
  return new Promise((resolve) => {
    const worker = new Worker(new URL("./worker.mjs", import.meta.url), {
      workerData: { name, url, shared, ...how, endMs: Date.now() + seconds * 1_000 },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    let seen = 0;
    let sinceMs = performance.now();
    const watch = setInterval(() => {
      const run = Atomics.load(state, 0);
      if (run !== seen || run === 0) {
        seen = run;
        sinceMs = performance.now();
      } else if (performance.now() - sinceMs > hangMs) {
        faults.push({ bytes: underWay(), text: `no end within ${hangMs} ms` });
        void worker.terminate();
      }
    }, 250);
    worker.on("message", (message) => {
      if (message.kind === "found") faults.push(message);
      else ended = message;
    });
    worker.on("error", (error) => faults.push({ bytes: underWay(), text: String(error.stack ?? error) }));
    worker.on("exit", () => {
      clearInterval(watch);
      resolve({ ...(ended && { ended }), faults });
    });
  });
}
