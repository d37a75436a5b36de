/** The README's example is compiled and run as it stands there. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { compileMarkdownPrograms } from "../support/markdown-programs.ts";

const run = promisify(execFile);

it("has an example that compiles, runs, and finds our node conforming", async () => {
  await using readme = await compileMarkdownPrograms("packages/conformance/README.md");
  const [example = ""] = readme.programs;
  const { stdout, stderr } = await run(process.execPath, [example]);
  expect(stderr).toBe("");
  expect(stdout).toContain("0 failed, 0 inconclusive, 0 skipped");
  expect(stdout).toContain("our node conforms to [MS-PCCRR]");
});
