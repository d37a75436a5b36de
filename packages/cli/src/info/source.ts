/** Content Information from a file, or from the content server that describes its own content. */
import { readFile } from "node:fs/promises";
import { type ContentInformation, readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { originClient } from "@branchcache/http-encoding/node";
import { shownUrl } from "@branchcache/peer-node";
import { BranchCacheError } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

export interface SourcedContent {
  readonly content: ContentInformation;
  /** Of the Content Information itself. */
  readonly sizeBytes: number;
}

export async function readSource(source: string, maxVersion: 1 | 2): Promise<SourcedContent> {
  const bytes = /^https?:\/\//i.test(source) ? await askServer(source, maxVersion) : await readFile(source);
  return { content: readContentInformation(bytes, nodeHashEngine), sizeBytes: bytes.length };
}

async function askServer(url: string, versions: 1 | 2): Promise<Uint8Array> {
  const origin = originClient({ clock: systemClock });
  try {
    let answer = await origin.open(url, { versions });
    if (answer.kind === "content" && answer.makeHashRequest) {
      answer.discard();
      answer = await origin.open(url, { versions, hashRequest: true });
    }
    if (answer.kind === "content-information") return answer.bytes;
    answer.discard();
    throw new BranchCacheError(
      "BC_NO_CONTENT_INFORMATION",
      `${shownUrl(url)} was sent without Content Information: the server is no BranchCache content server, ` +
        "has not hashed it yet, or finds it too small",
    );
  } finally {
    await origin.close();
  }
}
