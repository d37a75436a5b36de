/** Content Information from a file, standard input, or the content server that describes its own content. */
import { createReadStream } from "node:fs";
import {
  type ContentInformation,
  createContentInformationReader,
  readContentInformation,
  type Segment,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { originClient, redactUrl } from "@branchcache/http-encoding/node/client";
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

export interface SourcedContent {
  readonly content: ContentInformation;
  /** Of the Content Information itself. */
  readonly sizeBytes: number;
}

/** `source`: an http or https URL, a path, or `-` for standard input. Errors name it. */
export async function readSource(source: string, maxVersion: 1 | 2): Promise<SourcedContent> {
  if (/^https?:\/\//i.test(source)) {
    const bytes = await askServer(source, maxVersion);
    return naming(redactUrl(source), async () => ({
      content: readContentInformation(bytes, nodeHashEngine),
      sizeBytes: bytes.length,
    }));
  }
  if (source === "-") return naming("standard input", () => readStream(process.stdin));
  return naming(source, () => readStream(createReadStream(source)));
}

/** Whoever names the content by mistake is told so after its first bytes, however long it is. */
async function readStream(stream: AsyncIterable<Uint8Array>): Promise<SourcedContent> {
  const reader = createContentInformationReader(nodeHashEngine);
  const segments: Segment[] = [];
  let sizeBytes = 0;
  for await (const piece of stream) {
    sizeBytes += piece.length;
    segments.push(...reader.push(piece));
  }
  return { content: { ...reader.end(), segments }, sizeBytes };
}

async function naming<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = errorCode(error);
    if (!code?.startsWith("BC_DECODE_")) throw error;
    const message = `${name} is no Content Information: ${errorMessage(error)}`;
    throw new BranchCacheError(code, message, { cause: error });
  }
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
      `${redactUrl(url)} was sent without Content Information: the server is no BranchCache content server, ` +
        "has not hashed it yet, or finds it too small",
    );
  } finally {
    await origin.close();
  }
}
