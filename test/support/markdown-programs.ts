/** The TypeScript of a README or a guide, compiled as a user of the packages would compile it. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

export interface MarkdownPrograms extends AsyncDisposable {
  readonly directory: string;
  /** Paths of the compiled programs, in the order of the page. */
  readonly programs: readonly string[];
}

/** Compiles each `ts` block of the page as a program. Throws with what the compiler says. */
export async function compileMarkdownPrograms(path: string): Promise<MarkdownPrograms> {
  const page = await readFile(join(root, path), "utf8");
  const texts = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, text = ""]) => text);
  return compileBesideTests(texts);
}

/** Inside the workspace, so that the packages are found as a user's program finds them. */
export async function compileBesideTests(texts: readonly string[]): Promise<MarkdownPrograms> {
  const directory = await mkdtemp(join(root, "test", ".example-"));
  const dispose = () => rm(directory, { recursive: true, force: true });
  try {
    return { directory, programs: await compilePrograms(directory, texts), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** In a directory that finds the packages. Throws with what the compiler says; gives the paths of what it made. */
export async function compilePrograms(directory: string, texts: readonly string[]): Promise<string[]> {
  const files = texts.map((_, i) => `program${i}.ts`);
  for (const [i, text] of texts.entries()) await writeFile(join(directory, `program${i}.ts`), text);
  const compilerOptions = {
    composite: false,
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    outDir: ".",
    noUnusedLocals: true,
  };
  const config = { extends: join(root, "tsconfig.base.json"), compilerOptions, files };
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify(config));
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", directory]).catch(
    ({ stdout }: { stdout: string }) => {
      throw new Error(`it does not compile: ${stdout}`);
    },
  );
  return files.map((file) => join(directory, file.replace(/ts$/, "js")));
}
