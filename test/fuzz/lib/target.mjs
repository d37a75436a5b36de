// @ts-check
/** What is fuzzed, and what its targets have in common. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inspect, isDeepStrictEqual } from "node:util";

/**
 * @typedef {object} Running
 * @property {(bytes: Uint8Array) => string | Promise<string>} run What came of the input, in a word: `refused`, or
 *   what was made of it. Throws when something was not as it has to be.
 * @property {() => Promise<void>} [close]
 *
 * @typedef {object} Target
 * @property {string} name
 * @property {() => readonly Uint8Array[] | Promise<readonly Uint8Array[]>} seeds Good inputs to begin with.
 * @property {readonly string[]} [dictionary] Words that do not stand in the code.
 * @property {number} [maxBytes] Of an input. Default 8,192.
 * @property {number} [maxWork] Statements, functions and branches gone through in a run, at most. Default 200,000.
 * @property {number} [maxWorkPerByte] And beside that, for each byte of the input. Default 500.
 * @property {(bytes: Uint8Array) => Uint8Array} [repair] Puts lengths and checksums right, so that what lies behind
 *   them is reached. Half of all inputs go through it.
 * @property {boolean} [isServer] Sockets and timers take part: a run takes milliseconds, and none is like another.
 * @property {() => Promise<Running>} open
 */

const specs = fileURLToPath(new URL("../../../protocol-specs/", import.meta.url));

/**
 * The bytes of the vectors of a structure.
 * @param {string} document
 * @param {string} structure
 * @returns {Uint8Array[]}
 */
export function vectorsOf(document, structure) {
  /** @type {{ vectors: { hex?: string, xml?: string }[] }} */
  const { vectors } = JSON.parse(readFileSync(`${specs}${document}/vectors/${structure}.json`, "utf8"));
  return vectors.map(({ hex, xml }) => new Uint8Array(Buffer.from(hex ?? xml ?? "", xml ? "utf8" : "hex")));
}

/**
 * `refused` for an error that says so by its code; any other is thrown.
 * @param {unknown} error
 * @param {RegExp} codes
 */
export function refusal(error, codes) {
  const { code } = /** @type {{ code?: unknown }} */ (error ?? {});
  if (typeof code === "string" && codes.test(code)) return "refused";
  throw error;
}

/**
 * @param {unknown} found
 * @param {unknown} wanted
 * @param {string} what
 */
export function mustEqual(found, wanted, what) {
  if (isDeepStrictEqual(found, wanted)) return;
  const show = (/** @type {unknown} */ value) =>
    inspect(value, { depth: 4, breakLength: 100, maxArrayLength: 80 });
  throw new Error(`${what}: ${show(found)} instead of ${show(wanted)}`);
}

/** @param {string} text */
export const utf8 = (text) => new TextEncoder().encode(text);

const corpusFolder = fileURLToPath(new URL("../corpus/", import.meta.url));

/** @param {string} name Of a target. */
export const corpusOf = (name) => `${corpusFolder}${name}/`;

/**
 * The kept inputs of a target by file name; those that once broke something begin with `crash-`.
 * @param {string} name
 * @returns {Map<string, Uint8Array>}
 */
export function readCorpus(name) {
  try {
    const folder = corpusOf(name);
    const files = readdirSync(folder).sort();
    return new Map(files.map((file) => [file, new Uint8Array(readFileSync(folder + file))]));
  } catch {
    return new Map();
  }
}

/** Files of targets under `targets`. */
const targetFiles = /** @type {const} */ ([
  "content-info",
  "retrieval",
  "hosted-cache",
  "discovery",
  "http-encoding",
  "files",
  "frames",
  "http-servers",
  "local-sockets",
]);

/** By name, each with the module that has it. @returns {Promise<Map<string, { url: string, target: Target }>>} */
export async function allTargets() {
  const found = new Map();
  for (const file of targetFiles) {
    const url = new URL(`../targets/${file}.mjs`, import.meta.url).href;
    /** @type {{ targets: readonly Target[] }} */
    const { targets } = await import(url);
    for (const target of targets) found.set(target.name, { url, target });
  }
  return found;
}
