import { readFile } from "node:fs/promises";
import {
  blockCount,
  type ContentInformation,
  readContentInformation,
  type Segment,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { originClient } from "@branchcache/http-encoding/node";
import { BranchCacheError, toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { formatBytes } from "../units.ts";

export interface InfoOptions {
  readonly json?: true;
  readonly segments?: true;
  readonly maxVersion: "1" | "2";
}

export async function runInfo(source: string, options: InfoOptions): Promise<void> {
  const bytes = /^https?:\/\//i.test(source)
    ? await askServer(source, options.maxVersion === "1" ? 1 : 2)
    : await readFile(source);
  const content = readContentInformation(bytes, nodeHashEngine);
  const text = options.json
    ? JSON.stringify(asJson(content, bytes.length), undefined, 2)
    : asText(content, bytes.length, options.segments === true);
  process.stdout.write(`${text}\n`);
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
      `${url} was sent without Content Information: the server is no BranchCache content server, ` +
        "has not hashed it yet, or finds it too small",
    );
  } finally {
    await origin.close();
  }
}

function asText(content: ContentInformation, sizeBytes: number, everySegment: boolean): string {
  const { version, algorithm, range, segments } = content;
  const blocks = segments.reduce((sum, segment) => sum + segment.blockHashes.length, 0);
  const lengths = segments.map((segment) => segment.lengthBytes);
  const lines = [
    `Content Information version ${version}.0, ${algorithm}, ${formatBytes(sizeBytes)}`,
    `Range     bytes ${range.startBytes} to ${range.endBytes - 1}, ${formatBytes(range.endBytes - range.startBytes)}`,
    `Segments  ${segments.length}, ${formatBytes(Math.min(...lengths))} to ${formatBytes(Math.max(...lengths))}`,
    `Blocks    ${blocks} listed`,
  ];
  const shown = everySegment ? segments : segments.slice(0, SEGMENTS_SHOWN);
  lines.push("", "     offset        length  blocks  identifier");
  for (const segment of shown) {
    const id = toHex(segment.id);
    lines.push(
      `${String(segment.offsetBytes).padStart(11)}  ${String(segment.lengthBytes).padStart(12)}  ` +
        `${blocksText(segment).padStart(6)}  ${everySegment ? id : `${id.slice(0, 16)}...`}`,
    );
  }
  if (shown.length < segments.length)
    lines.push(`... ${segments.length - shown.length} more (--segments lists all)`);
  return lines.join("\n");
}

/** `512`, or `3/512` where the range lists only some. */
function blocksText(segment: Segment): string {
  const all = blockCount(segment);
  const listed = segment.blockHashes.length;
  return listed === all ? String(all) : `${listed}/${all}`;
}

function asJson(content: ContentInformation, sizeBytes: number): Record<string, unknown> {
  return {
    version: content.version,
    algorithm: content.algorithm,
    size_bytes: sizeBytes,
    range: { start_bytes: content.range.startBytes, end_bytes: content.range.endBytes },
    segments: content.segments.map((segment) => ({
      id: toHex(segment.id),
      hash_of_data: toHex(segment.hashOfData),
      offset_bytes: segment.offsetBytes,
      length_bytes: segment.lengthBytes,
      block_size_bytes: segment.blockSizeBytes,
      blocks: blockCount(segment),
      first_listed_block: segment.firstBlockIndex,
      listed_blocks: segment.blockHashes.length,
    })),
  };
}

const SEGMENTS_SHOWN = 10;
