/**
 * Walks through an environment in a process of its own: LMDB's pages are mapped, so that reading a page
 * that is not there ends the process that reads it.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// In JavaScript as text, since it must run as it stands wherever the package lies, built or not.
const WALK = `
const [, library, path] = process.argv;
const { open } = await import(library);
const root = open({ path, noSubdir: false, readOnly: true, maxDbs: 16, encoding: "binary", keyEncoding: "binary" });
let sum = 0;
for (const name of [...root.getKeys()]) {
  let table;
  try { table = root.openDB({ name: Buffer.from(name).toString(), encoding: "binary", keyEncoding: "binary" }); } catch { continue; }
  if (!table) continue;
  for (const key of table.getKeys()) {
    const value = table.getBinaryFast(key);
    if (value) for (let at = 0; at < value.length; at += 4096) sum += value[at];
  }
}
process.exit(Number.isNaN(sum) ? 1 : 0);
`;

/** True if every page of every table can be read. Takes as long as reading the file does. */
export function canBeRead(path: string): Promise<boolean> {
  const library = pathToFileURL(createRequire(import.meta.url).resolve("lmdb")).href;
  return new Promise((resolve) => {
    execFile(process.execPath, ["--input-type=module", "--eval", WALK, "--", library, path], (error) =>
      resolve(error === null),
    );
  });
}
