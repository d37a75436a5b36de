/** Content Information that a target is measured against: a file, or the answer of a content server. */
import { readFile } from "node:fs/promises";
import { type ContentInformation, readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { askContentInformation } from "../kit/content-information.ts";

/** Errors: `BC_CONFORMANCE_INPUT`, with what is wrong and where. */
export async function openInformation(source: string | undefined): Promise<ContentInformation> {
  if (source === undefined) {
    throw new BranchCacheError(
      "BC_CONFORMANCE_INPUT",
      "--information is missing: a file or URL with the Content Information of content that the target holds",
    );
  }
  const isUrl = /^https?:\/\//i.test(source);
  try {
    const bytes = isUrl
      ? await askContentInformation(source, { clock: systemClock })
      : await readFile(source);
    return readContentInformation(bytes, nodeHashEngine);
  } catch (error) {
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", `--information ${source}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
