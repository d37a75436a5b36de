/** The blocks of a Content Information that its range touches, by offset. */
import {
  blockLengthBytes,
  type ContentInformation,
  type ContentRange,
  type Segment,
  segmentAt,
} from "@branchcache/content-info";

export interface BlockPlace {
  readonly segment: Segment;
  readonly blockIndex: number;
  readonly startBytes: number;
  readonly endBytes: number;
}

export class ContentMap {
  readonly segments: readonly Segment[];
  readonly range: ContentRange;
  /** Where the content ends; undefined where the Content Information does not tell. */
  readonly contentEndBytes: number | undefined;
  /** From the first listed block to the last: the range, widened to whole blocks. */
  readonly listed: ContentRange;

  constructor({ range, segments }: Pick<ContentInformation, "range" | "segments">, toTheEnd: boolean) {
    this.segments = segments;
    this.range = range;
    this.contentEndBytes = toTheEnd ? range.endBytes : undefined;
    const first = segments[0];
    const last = segments.at(-1);
    this.listed = {
      startBytes: first ? first.offsetBytes + first.firstBlockIndex * first.blockSizeBytes : 0,
      endBytes: last ? listedEnd(last) : 0,
    };
  }

  /** The block that this byte of the range lies in; undefined outside of it, and where its hash is not listed. */
  blockAt(offsetBytes: number): BlockPlace | undefined {
    if (offsetBytes < this.range.startBytes || offsetBytes >= this.range.endBytes) return undefined;
    return this.listedAt(offsetBytes);
  }

  /** As `blockAt`, also for the parts of blocks that lie outside the range. */
  listedAt(offsetBytes: number): BlockPlace | undefined {
    const segment = segmentAt(this.segments, offsetBytes);
    if (!segment) return undefined;
    const blockIndex = Math.floor((offsetBytes - segment.offsetBytes) / segment.blockSizeBytes);
    const listed = blockIndex - segment.firstBlockIndex;
    if (listed < 0 || listed >= segment.blockHashes.length) return undefined;
    const startBytes = segment.offsetBytes + blockIndex * segment.blockSizeBytes;
    const endBytes = startBytes + blockLengthBytes(segment, blockIndex);
    return { segment, blockIndex, startBytes, endBytes };
  }

  /** Blocks in order, from the one at this byte to the end of the range. */
  *blocksFrom(offsetBytes: number): Generator<BlockPlace> {
    for (let at = this.blockAt(offsetBytes); at; at = this.blockAt(at.endBytes)) yield at;
  }
}

function listedEnd({
  offsetBytes,
  lengthBytes,
  firstBlockIndex,
  blockHashes,
  blockSizeBytes,
}: Segment): number {
  return offsetBytes + Math.min((firstBlockIndex + blockHashes.length) * blockSizeBytes, lengthBytes);
}
