/** Content Information 2.0: chunks of segment descriptions up to the end of the blob. [MS-PCCRC] 2.4 */
import type { HashEngine } from "../hash-engine.ts";
import { LazySegment } from "../segment.ts";
import {
  CHUNK_HEAD_BYTES,
  chunkHead,
  HEADER_V2_BYTES,
  type HeaderV2,
  headerV2,
  SEGMENT_DESCRIPTION_V2_BYTES,
  segmentDescriptionV2,
} from "../wire/v2.ts";
import { VERSION_BYTES } from "../wire/version.ts";
import { decodeRecord, fault, type OnSegment, type Parser } from "./record.ts";

const NO_BLOCKS = new Uint8Array(0);

export function* parseV2(engine: HashEngine, onSegment: OnSegment): Parser {
  let offset = VERSION_BYTES;
  const header = decodeRecord(headerV2, yield HEADER_V2_BYTES, "", offset);
  offset += HEADER_V2_BYTES;

  let segmentStart = header.startInContent;
  for (let chunk = 0; ; chunk++) {
    const head = yield CHUNK_HEAD_BYTES;
    if (head.length === 0 && chunk > 0) break;
    const { dataLength } = decodeRecord(chunkHead, head, `chunks[${chunk}]`, offset);
    offset += CHUNK_HEAD_BYTES;
    for (let index = 0; index < dataLength / SEGMENT_DESCRIPTION_V2_BYTES; index++) {
      const path = `chunks[${chunk}].segments[${index}]`;
      const { lengthBytes, hashOfData, secret } = decodeRecord(
        segmentDescriptionV2,
        yield SEGMENT_DESCRIPTION_V2_BYTES,
        path,
        offset,
      );
      if (segmentStart === header.startInContent) checkStart(header, lengthBytes);
      if (segmentStart + lengthBytes > Number.MAX_SAFE_INTEGER) {
        throw fault(
          "BC_DECODE_LIMIT",
          "the content goes beyond 2^53 - 1 bytes",
          `${path}.lengthBytes`,
          offset,
        );
      }
      onSegment(
        new LazySegment(
          {
            version: 2,
            algorithm: "sha512-truncated",
            offsetBytes: segmentStart,
            lengthBytes,
            hashOfData,
            secret: () => secret,
            firstBlockIndex: 0,
            blockHashes: NO_BLOCKS,
          },
          engine,
        ),
      );
      segmentStart += lengthBytes;
      offset += SEGMENT_DESCRIPTION_V2_BYTES;
    }
  }
  return { version: 2, algorithm: "sha512-truncated", range: rangeOf(header, segmentStart) };
}

const OFFSET_IN_FIRST_SEGMENT_AT = 19;
const LENGTH_OF_RANGE_AT = 23;

function checkStart({ offsetInFirstSegment }: HeaderV2, lengthBytes: number): void {
  if (offsetInFirstSegment < lengthBytes) return;
  const reason = `${offsetInFirstSegment} in a segment of ${lengthBytes} bytes`;
  throw fault("BC_DECODE_INCONSISTENT", reason, "offsetInFirstSegment", OFFSET_IN_FIRST_SEGMENT_AT);
}

/** The length counts from the range's start, not from that of the content. [MS-PCCRC] 2.4 ullLengthOfRange */
function rangeOf({ startInContent, offsetInFirstSegment, lengthOfRange }: HeaderV2, listedEnd: number) {
  const startBytes = startInContent + offsetInFirstSegment;
  const endBytes = lengthOfRange === 0 ? listedEnd : startBytes + lengthOfRange;
  if (endBytes > listedEnd) {
    const reason = `the range ends at ${endBytes}, the last segment at ${listedEnd}`;
    throw fault("BC_DECODE_INCONSISTENT", reason, "lengthOfRange", LENGTH_OF_RANGE_AT);
  }
  return { startBytes, endBytes };
}
