// @ts-check
/**
 * Coverage-guided fuzzing of every decoder and every server: `npx pnpm test:fuzz --help`. `docs/fuzzing.md` says
 * what is looked for and how.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { runTarget } from "./lib/run-target.mjs";
import { allTargets, corpusOf, readCorpus } from "./lib/target.mjs";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    runs: { type: "string", default: "0" },
    only: { type: "string", multiple: true },
    seed: { type: "string" },
    jobs: { type: "string", default: "2" },
    keep: { type: "boolean", default: false },
    input: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const HELP = `npx pnpm test:fuzz [options]

  --seconds <n>   for all targets together; 60 by default
  --runs <n>      so many runs of each target instead: the same ones for the same seed
  --only <text>   only targets whose name begins so; may be given several times
  --seed <n>      of the random choices; from the clock by default, and printed
  --jobs <n>      targets at once; 2 by default
  --keep          put new inputs that go where none went before into test/fuzz/corpus, small and few
  --input <file>  run this one input, with --only: what a crash-… file did once
  --list          names of the targets

Exit status 1 when something was found; the input is then in test/fuzz/corpus, and a test from now on.`;

/** @param {string} name @param {string} text */
function whole(name, text) {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} ${text}: a whole number is needed`);
  return Number(text);
}

/** @param {Uint8Array} bytes */
const nameOf = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 12);

/** @param {string} target @param {import("./lib/run-target.mjs").Fault} fault */
function keepFault(target, { bytes, text }) {
  const path = `${corpusOf(target)}crash-${nameOf(bytes)}.bin`;
  mkdirSync(corpusOf(target), { recursive: true });
  writeFileSync(path, bytes);
  console.log(`\n${target}: ${text}\n  input of ${bytes.length} bytes: ${relative(process.cwd(), path)}`);
}

/** In place of what was there, but for what once broke something. @param {string} target @param {readonly Uint8Array[]} corpus */
function writeCorpus(target, corpus) {
  for (const file of readCorpus(target).keys())
    if (!file.startsWith("crash-")) rmSync(corpusOf(target) + file);
  mkdirSync(corpusOf(target), { recursive: true });
  for (const bytes of corpus) writeFileSync(`${corpusOf(target)}${nameOf(bytes)}.bin`, bytes);
}

if (options.help) {
  console.log(HELP);
  process.exit();
}
const all = await allTargets();
const { only = [""] } = options;
const chosen = [...all].filter(([name]) => only.some((start) => name.startsWith(start)));
if (chosen.length === 0) throw new Error(`--only: no target begins with ${only.join(" or ")}`);
if (options.list) {
  console.log(chosen.map(([name]) => name).join("\n"));
  process.exit();
}
const seed = options.seed === undefined ? Date.now() % 1_000_000 : whole("seed", options.seed);
const jobs = Math.max(1, whole("jobs", options.jobs));
const runs = whole("runs", options.runs);
const seconds = (whole("seconds", options.seconds) * Math.min(jobs, chosen.length)) / chosen.length;
const single = options.input === undefined ? undefined : new Uint8Array(readFileSync(options.input));
console.log(
  `seed ${seed}, ${chosen.length} targets, ${runs > 0 ? `${runs} runs` : `${seconds.toFixed(1)} s`} each`,
);

let failures = 0;
let totalRuns = 0;
const waiting = [...chosen];
async function work() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [name, { url }] = next;
    const startMs = performance.now();
    const how = { seconds, runs, seed, keep: options.keep, ...(single && { only: single }) };
    const { ended, faults } = await runTarget(name, url, how);
    for (const fault of faults)
      if (!single) keepFault(name, fault);
      else console.log(fault.text);
    const tookMs = performance.now() - startMs;
    const accepted = Object.keys(ended?.outcomes ?? {}).filter((outcome) => outcome !== "refused");
    // A target that takes nothing at all tests nothing but its door.
    const isDead = !single && (!ended || accepted.length === 0);
    if (isDead) console.log(`${name}: ${ended ? "accepted no input" : "did not end"}`);
    failures += faults.length + (isDead ? 1 : 0);
    if (!ended) continue;
    totalRuns += ended.runs;
    if (options.keep) writeCorpus(name, ended.corpus);
    const outcomes = Object.entries(ended.outcomes).map(([outcome, count]) => `${count} ${outcome}`);
    const fresh = `${ended.freshInputs} new${options.keep ? `, ${ended.corpus.length} kept` : ""}`;
    console.log(
      `${name}: ${ended.runs} runs in ${(tookMs / 1_000).toFixed(1)} s, ${ended.features} features, ${fresh}, slowest ${ended.slowestMs.toFixed(0)} ms; ${outcomes.join(", ")}`,
    );
  }
}
await Promise.all(Array.from({ length: jobs }, work));
console.log(`${totalRuns} runs, ${failures} found`);
process.exitCode = failures === 0 ? 0 : 1;
