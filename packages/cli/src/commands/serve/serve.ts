import { peerDistDirectory } from "@branchcache/http-encoding/node";
import { checkServeRoot } from "../../files/serve-root.ts";
import { type ContentServiceOptions, runContentService } from "./content-service.ts";

export async function runServe(root: string, options: ContentServiceOptions): Promise<void> {
  await checkServeRoot(root);
  await runContentService(options, { root }, (settings, pool) =>
    peerDistDirectory({
      ...settings,
      root,
      hashFile: (path, signal) => pool.publishFile(path, { signal }),
    }),
  );
}
