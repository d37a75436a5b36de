/** What a Content Information says, for people and for programs. */
import { blockCount, type ContentInformation, type Segment } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
import { formatBytes } from "../../terminal/units.ts";

/** So many are listed unless all are asked for. */
export const SEGMENTS_SHOWN = 10;

export interface Shown {
  readonly everySegment: boolean;
  /** As secret as the content. */
  readonly secrets: boolean;
}

export function contentText(content: ContentInformation, sizeBytes: number, shown: Shown): string {
  const { version, algorithm, range, segments } = content;
  const blocks = segments.reduce((sum, segment) => sum + segment.blockHashes.length, 0);
  const lengths = segments.map((segment) => segment.lengthBytes);
  const least = lengths.reduce((a, b) => Math.min(a, b));
  const most = lengths.reduce((a, b) => Math.max(a, b));
  const lines = [
    `Content Information version ${version}.0, ${algorithm}, ${formatBytes(sizeBytes)}`,
    `Range     bytes ${range.startBytes} to ${range.endBytes - 1}, ${formatBytes(range.endBytes - range.startBytes)}`,
    `Segments  ${segments.length}, ${least === most ? formatBytes(least) : `${formatBytes(least)} to ${formatBytes(most)}`}`,
    `Blocks    ${blocks} listed`,
    "",
    "     offset        length   blocks  identifier",
  ];
  const listed = shown.everySegment ? segments : segments.slice(0, SEGMENTS_SHOWN);
  for (const segment of listed) {
    const id = toHex(segment.id);
    lines.push(
      `${String(segment.offsetBytes).padStart(11)}  ${String(segment.lengthBytes).padStart(12)}  ` +
        `${blocksText(segment).padStart(7)}  ${shown.everySegment ? id : shortId(segment)}`,
    );
    if (shown.secrets) lines.push(`${" ".repeat(36)}secret ${toHex(segment.secret)}`);
  }
  const left = segments.length - listed.length;
  if (left > 0) lines.push(`... ${left} more (--segments lists all)`);
  return lines.join("\n");
}

export function contentJson(
  content: ContentInformation,
  sizeBytes: number,
  shown: Shown,
): Record<string, unknown> {
  return {
    version: content.version,
    algorithm: content.algorithm,
    size_bytes: sizeBytes,
    range: { start_bytes: content.range.startBytes, end_bytes: content.range.endBytes },
    segments: content.segments.map((segment) => ({
      id: toHex(segment.id),
      hash_of_data: toHex(segment.hashOfData),
      ...(shown.secrets ? { secret: toHex(segment.secret) } : {}),
      offset_bytes: segment.offsetBytes,
      length_bytes: segment.lengthBytes,
      block_size_bytes: segment.blockSizeBytes,
      blocks: blockCount(segment),
      first_listed_block: segment.firstBlockIndex,
      listed_blocks: segment.blockHashes.length,
    })),
  };
}

/** Enough to tell segments apart by eye. */
export function shortId(segment: Segment): string {
  return `${toHex(segment.id.subarray(0, 8))}...`;
}

/** `512`, or `3/512` where the range lists only some. */
function blocksText(segment: Segment): string {
  const all = blockCount(segment);
  const listed = segment.blockHashes.length;
  return listed === all ? String(all) : `${listed}/${all}`;
}
