/** A directory that is to be served. */
import { readdir, stat } from "node:fs/promises";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";

/** `setting`: what named it, for the message. Errors: `BC_SERVE_ROOT`. */
export async function checkServeRoot(root: string, setting?: string): Promise<void> {
  const fail = (fault: string, cause?: unknown): BranchCacheError =>
    new BranchCacheError(
      "BC_SERVE_ROOT",
      `${setting === undefined ? "" : `${setting}: `}${fault}`,
      cause === undefined ? {} : { cause },
    );
  const cure = "name a directory that may be read here";
  const found = await stat(root).catch((cause: unknown) => {
    throw fail(`cannot serve ${root} (${errorMessage(cause)}); ${cure}`, cause);
  });
  if (!found.isDirectory()) throw fail(`${root} is no directory; ${cure}`);
  await readdir(root).catch((cause: unknown) => {
    throw fail(`cannot read ${root} (${errorMessage(cause)}); ${cure}`, cause);
  });
}
