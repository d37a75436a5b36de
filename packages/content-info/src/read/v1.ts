/** Content Information 1.0: all segment descriptions first, then all block lists. [MS-PCCRC] 2.3 */

import { hashLengthBytes } from "../algorithms.ts";
import { V1_BLOCK_BYTES } from "../constants.ts";
import type { HashEngine } from "../hash-engine.ts";
import { LazySegment } from "../segment.ts";
import {
  BLOCK_LIST_HEAD_BYTES,
  blockHashesField,
  blockListHead,
  HEADER_V1_BYTES,
  type HeaderV1,
  headerV1,
  type SegmentDescriptionV1,
  segmentDescriptionV1,
  segmentDescriptionV1Bytes,
} from "../wire/v1.ts";
import { VERSION_BYTES } from "../wire/version.ts";
import { decodeRecord, fault, type OnSegment, type Parser } from "./record.ts";

export function* parseV1(engine: HashEngine, onSegment: OnSegment): Parser {
  let offset = VERSION_BYTES;
  const header = decodeRecord(headerV1, yield HEADER_V1_BYTES, "", offset);
  offset += HEADER_V1_BYTES;

  const algorithm = header.hashAlgorithm;
  const hashBytes = hashLengthBytes(algorithm);
  const description = segmentDescriptionV1(hashBytes);
  const descriptionBytes = segmentDescriptionV1Bytes(hashBytes);
  const segments: SegmentDescriptionV1[] = [];
  for (let index = 0; index < header.segmentCount; index++) {
    const path = `segments[${index}]`;
    const segment = decodeRecord(description, yield descriptionBytes, path, offset);
    checkPlace(segment, segments.at(-1), path, offset);
    if (index === 0) checkStart(header, segment);
    segments.push(segment);
    offset += descriptionBytes;
  }

  const startBytes = segments[0]!.offsetBytes + header.offsetInFirstSegment;
  const endBytes = rangeEnd(header, segments, startBytes);
  for (const [index, segment] of segments.entries()) {
    const path = `blocks[${index}]`;
    const { blockCount } = decodeRecord(blockListHead, yield BLOCK_LIST_HEAD_BYTES, path, offset);
    const firstBlockIndex = firstListedBlock(segment, blockCount, startBytes, endBytes);
    if (firstBlockIndex === undefined) {
      throw fault(
        "BC_DECODE_INCONSISTENT",
        `${blockCount} blocks do not fit the range`,
        `${path}.blockCount`,
        offset,
      );
    }
    offset += BLOCK_LIST_HEAD_BYTES;
    const listBytes = blockCount * hashBytes;
    const { hashes } = decodeRecord(blockHashesField(blockCount, hashBytes), yield listBytes, path, offset);
    offset += listBytes;
    onSegment(
      new LazySegment(
        {
          version: 1,
          algorithm,
          offsetBytes: segment.offsetBytes,
          lengthBytes: segment.lengthBytes,
          hashOfData: segment.hashOfData,
          secret: () => segment.secret,
          firstBlockIndex,
          blockHashes: hashes,
        },
        engine,
      ),
    );
  }
  return { version: 1, algorithm, range: { startBytes, endBytes } };
}

const OFFSET_IN_FIRST_SEGMENT_AT = 6;
const BYTES_IN_LAST_SEGMENT_AT = 10;

function checkPlace(
  segment: SegmentDescriptionV1,
  before: SegmentDescriptionV1 | undefined,
  path: string,
  offset: number,
): void {
  const expected = before ? before.offsetBytes + before.lengthBytes : segment.offsetBytes;
  if (segment.offsetBytes !== expected) {
    const reason = `starts at ${segment.offsetBytes}, the segment before ends at ${expected}`;
    throw fault("BC_DECODE_INCONSISTENT", reason, `${path}.offsetBytes`, offset);
  }
  if (segment.offsetBytes + segment.lengthBytes > Number.MAX_SAFE_INTEGER) {
    throw fault("BC_DECODE_LIMIT", "the content goes beyond 2^53 - 1 bytes", `${path}.offsetBytes`, offset);
  }
}

function checkStart({ offsetInFirstSegment }: HeaderV1, { lengthBytes }: SegmentDescriptionV1): void {
  if (offsetInFirstSegment < lengthBytes) return;
  const reason = `${offsetInFirstSegment} in a segment of ${lengthBytes} bytes`;
  throw fault("BC_DECODE_INCONSISTENT", reason, "offsetInFirstSegment", OFFSET_IN_FIRST_SEGMENT_AT);
}

/**
 * Not by the formula of 2.3, which adds the offset where the first segment's length belongs. With one segment alone,
 * dwReadBytesInLastSegment counts from the range's start, or is, as [MS-PCHC] does it, the whole segment's length.
 */
function rangeEnd(
  { bytesInLastSegment }: HeaderV1,
  segments: readonly SegmentDescriptionV1[],
  startBytes: number,
): number {
  const last = segments.at(-1)!;
  const segmentEnd = last.offsetBytes + last.lengthBytes;
  if (bytesInLastSegment === 0) return segmentEnd;
  if (bytesInLastSegment > last.lengthBytes) {
    const reason = `${bytesInLastSegment} in a segment of ${last.lengthBytes} bytes`;
    throw fault("BC_DECODE_INCONSISTENT", reason, "bytesInLastSegment", BYTES_IN_LAST_SEGMENT_AT);
  }
  const from = segments.length === 1 ? startBytes : last.offsetBytes;
  return Math.min(from + bytesInLastSegment, segmentEnd);
}

/**
 * Content Information does not say at which block a list starts: 2.3.1.2 lists from the range's first block, examples 3.3
 * and 3.5 from the segment's, and only the count tells them apart. A list that starts with the segment may also go on
 * behind the range. Undefined if the count fits neither.
 */
function firstListedBlock(
  segment: SegmentDescriptionV1,
  count: number,
  startBytes: number,
  endBytes: number,
): number | undefined {
  const start = Math.max(startBytes - segment.offsetBytes, 0);
  const end = Math.min(endBytes - segment.offsetBytes, segment.lengthBytes);
  const first = Math.floor(start / V1_BLOCK_BYTES);
  const last = Math.floor((end - 1) / V1_BLOCK_BYTES);
  if (count === last - first + 1) return first;
  return count === last + 1 || count === Math.ceil(segment.lengthBytes / V1_BLOCK_BYTES) ? 0 : undefined;
}
