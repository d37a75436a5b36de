/** How far `export` and `import` are with a package, and that an interrupted one can be taken up again. */
import { BranchCacheError, errorMessage } from "@branchcache/runtime";
import type { Resources } from "../../resources.ts";
import { type AmountBar, amountBar } from "../../terminal/progress.ts";

/** Stopped with the resources, if not before. */
export function packageBar(resources: Resources): AmountBar {
  const bar = amountBar();
  resources.defer(() => bar.stop());
  return bar;
}

/** Of an interruption: an error that says that nothing of what was done is lost. Other errors as they are. */
export function resumable(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted) return error;
  return new BranchCacheError("BC_INTERRUPTED", `${errorMessage(error)}; the same command goes on from here`);
}
