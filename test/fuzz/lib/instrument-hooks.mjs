// @ts-check
/** Loader hooks: modules of our packages are counted in as they are loaded. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Loading the compiler, and using it, takes longer than the first seconds of a run: what was done once is kept. */
const cacheFolder = fileURLToPath(new URL("../../../node_modules/.cache/fuzz/", import.meta.url));
/** @type {readonly string[]} */
let folders = [];
// Threads of a process have its number.
let draftNumber = Math.floor(Math.random() * 1e9);

/** @param {readonly string[]} given Parts of paths: modules below them are instrumented. */
export function initialize(given) {
  folders = given;
  mkdirSync(cacheFolder, { recursive: true });
}

/**
 * @param {string} url
 * @param {import("node:module").LoadHookContext} context
 * @param {(url: string, context: import("node:module").LoadHookContext) => import("node:module").LoadFnOutput | Promise<import("node:module").LoadFnOutput>} nextLoad
 */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (loaded.format !== "module" || !folders.some((folder) => url.includes(folder))) return loaded;
  return { ...loaded, source: await instrumented(String(loaded.source), fileURLToPath(url)) };
}

/**
 * @param {string} source
 * @param {string} path
 */
async function instrumented(source, path) {
  const kept = join(cacheFolder, `${createHash("sha256").update(path).update(source).digest("hex")}.js`);
  try {
    return readFileSync(kept, "utf8");
  } catch {
    const { createInstrumenter } = await import("istanbul-lib-instrument");
    const made = createInstrumenter({ esModules: true, compact: true }).instrumentSync(source, path);
    // Whole under its name, or not at all: others read it.
    const draft = `${kept}.${process.pid}.${draftNumber++}`;
    writeFileSync(draft, made);
    renameSync(draft, kept);
    return made;
  }
}
