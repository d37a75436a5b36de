/** The README's example is compiled and run as it stands there. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { compileMarkdownPrograms } from "./support/markdown-programs.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");

describe("README.md", () => {
  it("has an example that compiles and runs", async () => {
    await using readme = await compileMarkdownPrograms("README.md");
    const [example = ""] = readme.programs;
    await expect(run(process.execPath, [example])).resolves.toMatchObject({ stderr: "" });
  });

  it("names the two commands", async () => {
    const readme = await readFile(join(root, "README.md"), "utf8");
    expect(readme).toContain("npx pnpm demo");
    expect(readme).toContain("npx pnpm test");
  });
});
