// @ts-check
/** Every check, each counted as one: `npx pnpm check`. Goes on after a failure, and sums up at the end. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const checks = [
  ["build", "tsc -b"],
  ["types of tests and scripts", "tsc -p tsconfig.test.json"],
  ["format and lint", "biome check --error-on-warnings ."],
  ["unused", "knip --config .ci/knip.jsonc --treat-config-hints-as-errors"],
  ["type escapes", "node .ci/type-escapes.mjs"],
  ["layers", "node test/layers/check.mjs"],
  ["workspace", "node .ci/check-workspace.mjs"],
  ["rules", "node .ci/spec-coverage.mjs --strict"],
  ["packages", "node .ci/check-packages.mjs"],
  ["reference", "node docs/api/build.mjs --check"],
];

/** @type {string[]} */
const failed = [];
for (const [name = "", command = ""] of checks) {
  console.log(`\n# ${name}: ${command}`);
  // The package manager puts node_modules/.bin on PATH for a script.
  const { status } = spawnSync(command, {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    shell: true,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) failed.push(name);
}

if (failed.length > 0) console.log(`\nfailed: ${failed.join(", ")}`);
console.log(`${checks.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
