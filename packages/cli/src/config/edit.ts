/** Changes single settings in a configuration file; the file is always whole. */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";
import { writeWhole } from "../files/whole-file.ts";
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

/** Keeps owner and permissions of a file that is there. Errors: `BC_CONFIG_WRITE`. */
export async function writeTree(path: string, tree: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const before = await stat(path).catch(() => undefined);
    const mode = before ? before.mode & 0o777 : 0o644;
    await writeWhole(path, `${JSON.stringify(tree, undefined, 2)}\n`, { mode, owner: before });
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
