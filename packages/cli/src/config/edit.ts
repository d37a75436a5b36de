/** Changes single settings in a configuration file; the file is always whole. */
import { chmod, chown, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { BranchCacheError, errorMessage, toHex } from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";
import { getAt, isTree, readTree, setAt } from "./layers.ts";

/** What the file would say; new values as in a file, undefined takes the setting out. Errors: `BC_CONFIG`. */
export async function editedTree(
  path: string,
  changes: ReadonlyMap<string, unknown>,
): Promise<Readonly<Record<string, unknown>>> {
  const tree = (await readTree(path, false)) ?? {};
  for (const [key, value] of changes) {
    if (value === undefined) removeAt(tree, key);
    else setAt(tree, key, value);
  }
  return tree;
}

/** Errors: `BC_CONFIG_WRITE`. */
export async function writeTree(path: string, tree: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    await writeWhole(path, `${JSON.stringify(tree, undefined, 2)}\n`);
  } catch (error) {
    throw new BranchCacheError("BC_CONFIG_WRITE", `cannot write ${path}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function removeAt(tree: Record<string, unknown>, key: string): void {
  const names = key.split(".");
  const last = names.pop() ?? key;
  const parentKey = names.join(".");
  const parent = parentKey === "" ? tree : getAt(tree, parentKey);
  if (!isTree(parent)) return;
  delete parent[last];
  if (parentKey !== "" && Object.keys(parent).length === 0) removeAt(tree, parentKey);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const before = await stat(path).catch(() => undefined);
  const draft = `${path}.${toHex(systemRandom.bytes(4))}.new`;
  const file = await open(draft, "wx", 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
    if (before && process.platform !== "win32") {
      await chmod(draft, before.mode & 0o777);
      if (process.getuid?.() === 0) await chown(draft, before.uid, before.gid);
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
