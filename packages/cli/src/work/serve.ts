import { stat } from "node:fs/promises";
import { peerDistDirectory } from "@branchcache/http-encoding/node";
import { BranchCacheError } from "@branchcache/runtime";
import { type ContentServiceOptions, runContentService } from "./content-service.ts";

export async function runServe(root: string, options: ContentServiceOptions): Promise<void> {
  const found = await stat(root).catch((error: unknown) => {
    throw new BranchCacheError("BC_SERVE_ROOT", `cannot serve ${root}: ${String(error)}`, { cause: error });
  });
  if (!found.isDirectory()) throw new BranchCacheError("BC_SERVE_ROOT", `${root} is no directory`);
  await runContentService(options, { root }, (settings, pool) =>
    peerDistDirectory({
      ...settings,
      root,
      hashFile: (path, signal) => pool.publishFile(path, { signal }),
    }),
  );
}
