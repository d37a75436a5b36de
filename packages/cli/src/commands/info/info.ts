import type { ContentInformation } from "@branchcache/content-info";
import { BranchCacheError } from "@branchcache/runtime";
import { type OutputOptions, print, printJson, printLines } from "../../terminal/output.ts";
import { formatBytes, formatCount } from "../../terminal/units.ts";
import { diffContent, diffJson, diffText } from "./diff.ts";
import { contentJson, contentText } from "./format.ts";
import { readSource } from "./source.ts";
import { verifyFile } from "./verify.ts";

export interface InfoOptions extends OutputOptions {
  readonly segments?: true;
  readonly verify?: string;
  readonly diff?: true;
  readonly showSecrets?: true;
  readonly maxVersion: "1" | "2";
}

export async function runInfo(
  source: string,
  other: string | undefined,
  options: InfoOptions,
): Promise<void> {
  if ((other !== undefined) !== (options.diff === true)) {
    throw new BranchCacheError("BC_USAGE", "--diff takes two Content Informations, and nothing else does");
  }
  if (source === "-" && other === "-") {
    throw new BranchCacheError("BC_USAGE", "standard input holds one Content Information, not two");
  }
  const maxVersion = options.maxVersion === "1" ? 1 : 2;
  const { content, sizeBytes } = await readSource(source, maxVersion);
  if (other !== undefined) {
    const diff = diffContent(content, (await readSource(other, maxVersion)).content);
    if (options.json) printJson(diffJson(diff));
    else printLines([diffText(diff, options.segments === true)]);
    return;
  }
  if (options.verify !== undefined) {
    await verify(content, options.verify, options);
    return;
  }
  const show = { everySegment: options.segments === true, secrets: options.showSecrets === true };
  if (options.json) printJson(contentJson(content, sizeBytes, show));
  else printLines([contentText(content, sizeBytes, show)]);
}

async function verify(content: ContentInformation, path: string, options: InfoOptions): Promise<void> {
  const { goodBlocks, partialLists, fault } = await verifyFile(content, path);
  const result = { file: path, verified: !fault, good_blocks: goodBlocks, partial_lists: partialLists };
  print(
    options,
    { ...result, ...(fault && { reason: fault.message, ...fault.where }) },
    fault ? [] : verifiedLines(content, path, goodBlocks, partialLists),
  );
  if (fault) throw new BranchCacheError("BC_CONTENT_MISMATCH", `${path}: ${fault.message}`);
}

function verifiedLines(
  { range, segments }: ContentInformation,
  path: string,
  goodBlocks: number,
  partialLists: number,
): readonly string[] {
  const counts = `${formatCount(goodBlocks, "block")}, ${formatCount(segments.length, "segment")}`;
  const text = `${path}: ${formatBytes(range.endBytes - range.startBytes)} verified (${counts})`;
  if (partialLists === 0) return [text];
  const some = formatCount(partialLists, "segment");
  return [text, `${some} with only some of their block hashes: for these the server's word stands alone`];
}
