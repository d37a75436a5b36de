// @ts-check
/**
 * All benchmarks, one after another, and at the end one table of all ratios:
 * `npx pnpm bench [--quick] [--table FILE] [NAME ...]`. With `--quick` sizes are small, which says that the
 * benchmarks run and that their answers are right, and nothing about speed. `--table` writes the table to a file as
 * well. Each benchmark alone: `node bench/store.js`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadAverage, machine } from "./support/machine.js";
import { RESULTS_VARIABLE } from "./support/report.js";
import { resultTable } from "./support/table.js";

/** Each with its arguments where it has to be quick: sizes in MiB, rounds, segments. Two need a whole segment of V1, and
 * a pool shares out files of 16 MiB and more. @type {Readonly<Record<string, readonly string[]>>} */
const quickArguments = {
  retrieval: ["32", "1"],
  get: ["8", "1"],
  "hosted-cache": ["32", "1"],
  gateway: ["8", "0.2"],
  hashing: ["32", "1"],
  encoding: ["1"],
  store: ["16"],
  "store-segments": ["1000"],
  "store-redis": ["4", "1"],
  discovery: ["500", "2000"],
  peerdist: ["4", "200"],
  daemon: ["1000", "1"],
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, table: { type: "string" } },
});
const names = positionals.length > 0 ? positionals : Object.keys(quickArguments);
for (const name of names) {
  if (quickArguments[name]) continue;
  console.error(`no benchmark ${name}; there are ${Object.keys(quickArguments).join(", ")}`);
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "branchcache-bench-"));
try {
  const file = join(directory, "results");
  writeFileSync(file, "");
  const conditions = [
    `${machine()}; ${new Date().toISOString().slice(0, 10)}.`,
    ...(values.quick ? ["Small sizes: these figures say nothing about speed."] : []),
    `Load average ${loadAverage()} at the start,`,
  ];
  const failed = names.filter((name) => {
    console.log();
    const args = [
      join(import.meta.dirname, `${name}.js`),
      ...(values.quick ? (quickArguments[name] ?? []) : []),
    ];
    const env = { ...process.env, [RESULTS_VARIABLE]: file };
    const { status } = spawnSync(process.execPath, args, { env, stdio: "inherit" });
    if (status !== 0) console.log(`failed: ${name}`);
    return status !== 0;
  });
  conditions.push(`${loadAverage()} at the end.`);
  if (failed.length > 0) conditions.push(`**Failed: ${failed.join(", ")}.**`);
  /** @type {import("./support/report.js").Result[]} */
  const results = readFileSync(file, "utf8")
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => JSON.parse(text));
  const text = resultTable(results, conditions);
  console.log(`\n${text}`);
  if (values.table !== undefined) writeFileSync(values.table, text);
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
