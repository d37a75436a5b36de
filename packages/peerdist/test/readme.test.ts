/** The README's programs are compiled as they stand there, and the one that needs no daemon is run. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { compileReadme } from "../../../test/support/readme-programs.ts";

const run = promisify(execFile);

it("the programs of README.md compile, and publish and read in one process", async () => {
  await using readme = await compileReadme("packages/peerdist/README.md");
  expect(readme.programs).toHaveLength(3);
  const [first = ""] = readme.programs;
  expect(await run(process.execPath, [first])).toMatchObject({ stdout: "missing 0\n", stderr: "" });
});
