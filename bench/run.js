// @ts-check
/**
 * All benchmarks, one after another: `npx pnpm bench`, or `npx pnpm bench --quick` for small sizes, which says
 * that they run and that their answers are right, and nothing about speed. Each one alone: `node bench/store.js`.
 */
import { spawnSync } from "node:child_process";
import { arch, cpus, platform, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

/** Program, and its arguments where it has to be quick: sizes in MiB, rounds, segments. */
const benchmarks = [
  ["hashing.js", "64", "1"],
  ["hashing-encoding.js", "1"],
  ["retrieval.js", "32", "1"],
  ["hosted-cache.js", "32", "1"],
  ["store.js", "64"],
  ["store-segments.js", "5000"],
  ["store-redis.js", "16", "1"],
  ["gateway.js", "32", "0.5"],
  ["discovery.js", "2000", "10000"],
  ["peerdist.js", "16", "1000"],
  ["get.js", "32", "1"],
  ["daemon.js", "5000", "2"],
];

const quick = process.argv.includes("--quick");
const [cpu] = cpus();
console.log(
  `${cpus().length} x ${cpu?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(1)} GiB, ` +
    `${platform()} ${arch()}, Node.js ${process.version}`,
);
let failed = 0;
for (const [program = "", ...quickArguments] of benchmarks) {
  console.log(`\n# ${program}`);
  const path = fileURLToPath(new URL(program, import.meta.url));
  const { status } = spawnSync(process.execPath, [path, ...(quick ? quickArguments : [])], {
    stdio: "inherit",
  });
  if (status !== 0) {
    failed++;
    console.log(`failed: ${program}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
