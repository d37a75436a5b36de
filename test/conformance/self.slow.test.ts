/** The report on ourselves: it can be made, and excuses nothing. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("finds our own servers conforming, all four of them", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, "self.mjs"),
    "--check",
  ]);
  expect(stdout.match(/^[a-z-]+: \d+ pass, 0 fail, 0 inconclusive, \d skipped$/gm)).toHaveLength(4);
});
