/** Where the blocks of a Content Information lie in the content. */
import {
  blockLengthBytes,
  type ContentInformation,
  type ContentRange,
  type Segment,
  segmentAt,
} from "@branchcache/content-info";

export interface ContentBlock {
  readonly segment: Segment;
  readonly blockIndex: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** The listed blocks in content order. */
export function* contentBlocks(content: ContentInformation): Generator<ContentBlock, void, undefined> {
  for (const segment of content.segments) yield* segmentBlocks(segment);
}

export function* segmentBlocks(segment: Segment): Generator<ContentBlock, void, undefined> {
  for (let i = 0; i < segment.blockHashes.length; i++)
    yield contentBlock(segment, segment.firstBlockIndex + i);
}

/** Where blocks lie in the content; one after another, neighbours as one. */
export function rangesOf(
  blocks: Iterable<Pick<ContentBlock, "segment" | "blockIndex">>,
): readonly ContentRange[] {
  const ranges: { startBytes: number; endBytes: number }[] = [];
  for (const { segment, blockIndex } of blocks) {
    const { offsetBytes: startBytes, lengthBytes } = contentBlock(segment, blockIndex);
    const last = ranges.at(-1);
    if (last?.endBytes === startBytes) last.endBytes += lengthBytes;
    else ranges.push({ startBytes, endBytes: startBytes + lengthBytes });
  }
  return ranges;
}

/** The listed block that starts exactly there; undefined if none does. */
export function blockStartingAt(content: ContentInformation, offsetBytes: number): ContentBlock | undefined {
  const segment = segmentAt(content.segments, offsetBytes);
  if (!segment) return undefined;
  const blockIndex = (offsetBytes - segment.offsetBytes) / segment.blockSizeBytes;
  const listed =
    Number.isInteger(blockIndex) &&
    blockIndex >= segment.firstBlockIndex &&
    blockIndex < segment.firstBlockIndex + segment.blockHashes.length;
  return listed ? contentBlock(segment, blockIndex) : undefined;
}

function contentBlock(segment: Segment, blockIndex: number): ContentBlock {
  return {
    segment,
    blockIndex,
    offsetBytes: segment.offsetBytes + blockIndex * segment.blockSizeBytes,
    lengthBytes: blockLengthBytes(segment, blockIndex),
  };
}
