import type { ContentInformation } from "@branchcache/content-info";
import { BranchCacheError } from "@branchcache/runtime";
import { diffContent, diffJson, diffText } from "../info/diff.ts";
import { contentJson, contentText } from "../info/format.ts";
import { readSource } from "../info/source.ts";
import { verifyFile } from "../info/verify.ts";
import { formatBytes, formatCount } from "../units.ts";

export interface InfoOptions {
  readonly segments?: true;
  readonly verify?: string;
  readonly diff?: true;
  readonly showSecrets?: true;
  readonly maxVersion: "1" | "2";
  readonly json?: true;
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
    print(
      options,
      () => diffText(diff, options.segments === true),
      () => diffJson(diff),
    );
    return;
  }
  if (options.verify !== undefined) {
    await verify(content, options.verify, options);
    return;
  }
  const show = { everySegment: options.segments === true, secrets: options.showSecrets === true };
  print(
    options,
    () => contentText(content, sizeBytes, show),
    () => contentJson(content, sizeBytes, show),
  );
}

async function verify(content: ContentInformation, path: string, options: InfoOptions): Promise<void> {
  const { goodBlocks, partialLists, fault } = await verifyFile(content, path);
  const result = { file: path, verified: !fault, good_blocks: goodBlocks, partial_lists: partialLists };
  print(
    options,
    () => (fault ? "" : verifiedText(content, path, goodBlocks, partialLists)),
    () => ({ ...result, ...(fault && { reason: fault.message, ...fault.where }) }),
  );
  if (fault) throw new BranchCacheError("BC_CONTENT_MISMATCH", `${path}: ${fault.message}`);
}

function verifiedText(
  { range, segments }: ContentInformation,
  path: string,
  goodBlocks: number,
  partialLists: number,
): string {
  const counts = `${formatCount(goodBlocks, "block")}, ${formatCount(segments.length, "segment")}`;
  const text = `${path}: ${formatBytes(range.endBytes - range.startBytes)} verified (${counts})`;
  if (partialLists === 0) return text;
  const some = formatCount(partialLists, "segment");
  return `${text}\n${some} with only some of their block hashes: for these the server's word stands alone`;
}

function print(options: InfoOptions, text: () => string, json: () => Record<string, unknown>): void {
  const shown = options.json ? JSON.stringify(json(), undefined, 2) : text();
  if (shown !== "") process.stdout.write(`${shown}\n`);
}
