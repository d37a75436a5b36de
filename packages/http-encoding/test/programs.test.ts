/** The programs of docs/programs.md compile, one after another, as they stand there. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..", "..");

it("the programs of docs/programs.md compile", async () => {
  const page = await readFile(join(import.meta.dirname, "..", "docs", "programs.md"), "utf8");
  const programs = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, text = ""]) => text);
  expect(programs.length).toBeGreaterThan(3);
  // Later ones go on with what the first has imported and made.
  const imports = new Map<string, Set<string>>();
  const importLine = /^import (?:\{ ?(.*?) ?\}|(\w+)) from "(.*?)";$/gm;
  const bodies = programs.map((text) =>
    text.replace(importLine, (_line, names: string | undefined, whole: string | undefined, from: string) => {
      const known = imports.get(from) ?? new Set();
      imports.set(from, known);
      for (const name of names?.split(/, ?/) ?? [`default as ${whole}`]) known.add(name);
      return "";
    }),
  );
  const [first = "", ...rest] = bodies;
  const importLines = [...imports].map(
    ([from, names]) => `import { ${[...names].join(", ")} } from "${from}";`,
  );
  const program = [...importLines, first, ...rest.map((body) => `{\n${body}\n}`)].join("\n");
  // Inside the workspace, so that the packages are found as a user's program finds them.
  const directory = await mkdtemp(join(root, "test", ".example-"));
  try {
    await writeFile(join(directory, "program.ts"), program);
    await writeFile(
      join(directory, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.base.json",
        compilerOptions: { composite: false, types: ["node"], outDir: ".", noEmit: true },
        files: ["program.ts"],
      }),
    );
    const compiled = run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", directory]);
    expect(await compiled.catch(({ stdout }) => stdout)).toEqual({ stdout: "", stderr: "" });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
