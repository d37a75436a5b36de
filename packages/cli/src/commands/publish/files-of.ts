/** The files that a command was given, and those below directories. */
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";

export interface FoundFile {
  readonly path: string;
  /** From the directory that was given, with slashes; else the file's own name. */
  readonly nameBelow: string;
  /** Why a directory below could not be looked into; it stands for all that is in it. */
  readonly unreadable?: string;
}

/**
 * Dotfiles and links below directories are left out. Names that cannot be read are passed on, so that they are
 * reported in their turn. Throws `BC_USAGE` for a directory without `recurse`.
 */
export async function* filesOf(
  paths: readonly string[],
  recurse: boolean,
): AsyncGenerator<FoundFile, void, undefined> {
  for (const path of paths) {
    const found = await lstat(path).catch(() => undefined);
    if (!found?.isDirectory()) yield { path, nameBelow: basename(path) };
    else if (recurse) yield* filesBelow(path, "");
    else throw new BranchCacheError("BC_USAGE", `${path} is a directory: use -r to hash what is in it`);
  }
}

async function* filesBelow(directory: string, below: string): AsyncGenerator<FoundFile, void, undefined> {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    yield { path: directory, nameBelow: below, unreadable: errorMessage(error) };
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".")) continue;
    const path = join(directory, entry.name);
    const nameBelow = `${below}${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(path, `${nameBelow}/`);
    else if (entry.isFile()) yield { path, nameBelow };
  }
}
