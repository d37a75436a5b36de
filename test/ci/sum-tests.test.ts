import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../.ci/sum-tests.mjs", import.meta.url));
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sum-tests-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function sum(testResults: readonly unknown[]): readonly string[] {
  const path = join(folder, "report.json");
  writeFileSync(path, JSON.stringify({ testResults }));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, path], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.trim().split("\n");
}

const file = (status: string, ...tests: readonly string[]) => ({
  name: "a.test.ts",
  status,
  message: "cannot load",
  assertionResults: tests.map((one, i) => ({ status: one, fullName: `test ${i}` })),
});

describe("the sum of a run", () => {
  it("counts what passed over all files", () => {
    expect(sum([file("passed", "passed", "passed"), file("passed", "passed")])).toEqual(["3 0"]);
  });

  it("names and counts what failed", () => {
    expect(sum([file("failed", "passed", "failed")])).toEqual(["failed: a.test.ts: test 1", "1 1"]);
  });

  it.each(["skipped", "todo", "pending"])("takes a %s test for a failure", (status) => {
    expect(sum([file("passed", "passed", status)])).toEqual([`${status}: a.test.ts: test 1`, "1 1"]);
  });

  it("takes a file that did not load for a failure, even beside skipped tests", () => {
    expect(sum([file("passed", "passed"), file("failed")])).toEqual([
      "failed: a.test.ts: cannot load",
      "1 1",
    ]);
    expect(sum([file("passed", "passed"), file("failed", "skipped")]).at(-1)).toBe("1 2");
  });

  it("takes a run without tests for a failure", () => {
    expect(sum([])).toEqual(["failed: no test ran", "0 1"]);
  });
});
