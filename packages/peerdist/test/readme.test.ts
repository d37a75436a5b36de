/** The programs of the README and of the guide are compiled as they stand there; the one that needs no daemon is run. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { compileMarkdownPrograms } from "../../../test/support/markdown-programs.ts";

const run = promisify(execFile);

it("the program of README.md compiles, and publishes and reads in one process", async () => {
  await using readme = await compileMarkdownPrograms("packages/peerdist/README.md");
  expect(readme.programs).toHaveLength(1);
  const [program = ""] = readme.programs;
  expect(await run(process.execPath, [program])).toMatchObject({ stdout: "missing 0\n", stderr: "" });
});

it("the programs of docs/guides/peerdist.md compile", async () => {
  await using guide = await compileMarkdownPrograms("docs/guides/peerdist.md");
  expect(guide.programs).toHaveLength(2);
});
