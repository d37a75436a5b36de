/** Asks before something is destroyed. */
import { createInterface } from "node:readline/promises";
import { BranchCacheError } from "@branchcache/runtime";

/** Resolves when it may be done. Throws `BC_USAGE` where there is nobody to ask or the answer is no. */
export async function confirm(what: string, force: boolean | undefined): Promise<void> {
  if (force) return;
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new BranchCacheError("BC_USAGE", `${what}: nobody to ask, use --force`);
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`${what}. Go on? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new BranchCacheError("BC_USAGE", "nothing was done");
  } finally {
    prompt.close();
  }
}
