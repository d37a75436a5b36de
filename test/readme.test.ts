/** The README's example is compiled and run as it stands there. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");

describe("README.md", () => {
  it("has an example that compiles and runs", async () => {
    const readme = await readFile(join(root, "README.md"), "utf8");
    const example = /```ts\n(.*?)```/s.exec(readme)?.[1];
    if (!example) throw new Error("README.md has no example");
    // Inside the workspace, so that the packages are found as a user's program finds them.
    const directory = await mkdtemp(join(root, "test", ".example-"));
    try {
      await writeFile(join(directory, "example.ts"), example);
      await writeFile(
        join(directory, "tsconfig.json"),
        JSON.stringify({
          extends: "../../tsconfig.base.json",
          compilerOptions: { composite: false, types: ["node"], outDir: ".", noUnusedLocals: true },
          files: ["example.ts"],
        }),
      );
      const compiled = run(process.execPath, [
        join(root, "node_modules/typescript/bin/tsc"),
        "-p",
        directory,
      ]);
      expect(await compiled.catch(({ stdout }) => stdout)).toEqual({ stdout: "", stderr: "" });
      await expect(run(process.execPath, [join(directory, "example.js")])).resolves.toMatchObject({
        stderr: "",
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 30_000);

  it("names the two commands", async () => {
    const readme = await readFile(join(root, "README.md"), "utf8");
    expect(readme).toContain("npx pnpm demo");
    expect(readme).toContain("npx pnpm test");
  });
});
