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
  const fail = (problem: string, cause: unknown): never => {
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", `--information ${source}: ${problem}`, { cause });
  };
  const isUrl = /^https?:\/\//i.test(source);
  const reading = isUrl ? askContentInformation(source, { clock: systemClock }) : readFile(source);
  const bytes: Uint8Array = await reading.catch((error) => fail(errorMessage(error), error));
  try {
    return readContentInformation(bytes, nodeHashEngine);
  } catch (error) {
    return fail(`this is no Content Information: ${errorMessage(error)}`, error);
  }
}
