/** The README's programs are compiled and run as they stand there. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..", "..");

it("the programs of README.md compile, run, and count their bytes", async () => {
  const readme = await readFile(join(import.meta.dirname, "..", "README.md"), "utf8");
  const programs = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, text = ""]) => text);
  // Inside the workspace, so that the packages are found as a user's program finds them.
  const directory = await mkdtemp(join(root, "test", ".example-"));
  try {
    const files = programs.map((_, i) => `program${i}.ts`);
    for (const [i, text] of programs.entries()) await writeFile(join(directory, `program${i}.ts`), text);
    await writeFile(
      join(directory, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.base.json",
        compilerOptions: { composite: false, types: ["node"], outDir: "." },
        files,
      }),
    );
    const compiled = run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", directory]);
    expect(await compiled.catch(({ stdout }) => stdout)).toEqual({ stdout: "", stderr: "" });
    const said: string[] = [];
    for (const [i] of programs.entries()) {
      said.push((await run(process.execPath, [join(directory, `program${i}.js`)])).stdout);
    }
    const size = 4 * 2 ** 20;
    expect(said).toEqual([
      `first ${size} ${size}\nsecond ${size} data ${size}\nflushed 0\n`,
      `handles 0 ${2 ** 20} ${2 ** 20}\n`,
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
