// @ts-check
/**
 * Sums up a run of the tests from vitest's JSON report: `node .ci/sum-tests.mjs report.json`.
 * The last line is `<passed> <failed>`. A skipped test counts as failed, since where this runs nothing
 * that a test may need is absent; so does a file that could not be loaded.
 */
import { readFileSync } from "node:fs";

/** Enough of a failure to begin with. */
const MESSAGE_LINES = 30;

const [path = ""] = process.argv.slice(2);
/** @type {{ testResults: { name: string, status: string, message: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }[] }} */
const { testResults } = JSON.parse(readFileSync(path, "utf8"));
let passed = 0;
let failed = 0;
for (const { name, status, message, assertionResults } of testResults) {
  for (const test of assertionResults) {
    if (test.status === "passed") {
      passed++;
      continue;
    }
    failed++;
    console.log(`${test.status}: ${name}: ${test.fullName}`);
    for (const message of test.failureMessages ?? [])
      console.log(message.split("\n").slice(0, MESSAGE_LINES).join("\n"));
  }
  if (status === "failed" && assertionResults.every((test) => test.status !== "failed")) {
    failed++;
    console.log(`failed: ${name}: ${message}`);
  }
}
if (passed === 0) {
  failed++;
  console.log("failed: no test ran");
}
console.log(`${passed} ${failed}`);
