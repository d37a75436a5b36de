/** Whether something could be made at a path, without making it. */
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "@branchcache/runtime";

/** Looks at the nearest directory above that is there. Rejects with what the system says. */
export async function checkMakeable(path: string): Promise<void> {
  const above = dirname(path);
  try {
    await stat(above);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || above === path) throw error;
    return checkMakeable(above);
  }
  await checkWritable(above);
}

/** A directory in which files can be made. Rejects with what the system says. */
export async function checkWritable(directory: string): Promise<void> {
  // With the slash this fails for a file (ENOTDIR).
  await access(`${directory}/`, constants.R_OK | constants.W_OK | constants.X_OK);
}
