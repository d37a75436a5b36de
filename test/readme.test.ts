/** The examples of README.md and of the packages' READMEs are compiled and run as they stand there. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectCommand } from "./support/manual.ts";
import {
  compileBesideTests,
  compileMarkdownPrograms,
  type MarkdownPrograms,
} from "./support/markdown-programs.ts";
import { PACKAGES, readmeExamples } from "./support/readme-examples.ts";

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

describe("the packages' READMEs", () => {
  let examples: MarkdownPrograms;
  beforeAll(async () => {
    examples = await compileBesideTests([
      ...readmeExamples.map(({ text }) => text),
      ...readmeExamples.filter(({ text, whole }) => text !== whole).map(({ whole }) => whole),
    ]);
  });
  afterAll(() => examples?.[Symbol.asyncDispose]());

  it.concurrent.each(readmeExamples)(
    "$folder has an example that runs and ends",
    async ({ index, prints }) => {
      const program = examples.programs[index] ?? "";
      const { stdout, stderr } = await run(process.execPath, [program], { cwd: examples.directory });
      expect(stderr).toBe("");
      expect(stdout).toMatch(prints);
    },
  );

  it("of the commands: names commands and options that there are", async () => {
    const page = await readFile(join(root, "packages/cli/README.md"), "utf8");
    const lines = /```sh\n(.*?)```/s.exec(page)?.[1]?.trim().split("\n") ?? [];
    const typed = lines.map((line) => line.replace(/ *#.*/, "")).filter((line) => /^branchcache /.test(line));
    expect(typed.length).toBeGreaterThan(10);
    for (const line of typed) expectCommand(line);
  });

  it("take a page at most", async () => {
    const lines = PACKAGES.map(async (name) => {
      const page = await readFile(join(root, "packages", name, "README.md"), "utf8");
      return [name, page.trimEnd().split("\n").length] as const;
    });
    expect((await Promise.all(lines)).filter(([, count]) => count > 80)).toEqual([]);
  });
});
