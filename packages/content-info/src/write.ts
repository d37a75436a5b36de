/** Content Information for a range of a publication, under a server's secret. [MS-PCCRC] 2.3, 2.4 */
import { encode } from "@branchcache/runtime";
import { hashLengthBytes } from "./algorithms.ts";
import { V1_BLOCK_BYTES } from "./constants.ts";
import { deriveSegmentSecret } from "./derive.ts";
import type { HashEngine } from "./hash-engine.ts";
import type { Publication } from "./publication.ts";
import { planRange, type RangePlan } from "./range-plan.ts";
import { LazySegment } from "./segment.ts";
import type { ServerSecret } from "./server-secret.ts";
import type { ContentRange, Segment } from "./types.ts";
import {
  BLOCK_LIST_HEAD_BYTES,
  blockListHead,
  HEADER_V1_BYTES,
  headerV1,
  segmentDescriptionV1,
  segmentDescriptionV1Bytes,
} from "./wire/v1.ts";
import {
  ALGORITHM_ID_V2,
  CHUNK_HEAD_BYTES,
  chunkHead,
  HEADER_V2_BYTES,
  headerV2,
  SEGMENT_DESCRIPTION_V2_BYTES,
  segmentDescriptionV2,
} from "./wire/v2.ts";
import { VERSION_BYTES, versionField } from "./wire/version.ts";

/** Choices that [MS-PCCRC] leaves open where Content Information is written. */
export interface WriteOptions {
  /**
   * Blocks of a version 1.0 range's first segment that lie before the range: `omit` as 2.3.1.2 says, or `list`
   * as examples 3.3 and 3.5 show. Default `omit`.
   */
  readonly leadingBlocks?: "omit" | "list";
}

/** dwChunkDataLength holds 32 bits; more segments than this go into further chunks. */
const MAX_SEGMENTS_PER_CHUNK = Math.floor(0xffff_ffff / SEGMENT_DESCRIPTION_V2_BYTES);

/**
 * Content Information as one new array. As secret as the content itself. Without `range`: of the whole content.
 * Throws `ContentError` `BC_CONTENT_EMPTY` or `BC_CONTENT_RANGE`.
 */
export function writeContentInformation(
  publication: Publication,
  secret: ServerSecret,
  engine: HashEngine,
  range?: ContentRange,
  options: WriteOptions = {},
): Uint8Array {
  const bytes = new Uint8Array(contentInformationLength(publication, range, options));
  let at = 0;
  for (const part of contentInformationParts(publication, secret, engine, range, options)) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes that the Content Information will take. Throws as `writeContentInformation`. */
export function contentInformationLength(
  publication: Publication,
  range?: ContentRange,
  options: WriteOptions = {},
): number {
  const plan = planRange(publication, range);
  const count = plan.last - plan.first + 1;
  if (publication.version === 2) {
    const chunks = Math.ceil(count / MAX_SEGMENTS_PER_CHUNK);
    return VERSION_BYTES + HEADER_V2_BYTES + chunks * CHUNK_HEAD_BYTES + count * SEGMENT_DESCRIPTION_V2_BYTES;
  }
  const hashBytes = hashLengthBytes(publication.algorithm);
  let length = VERSION_BYTES + HEADER_V1_BYTES;
  for (let index = plan.first; index <= plan.last; index++) {
    const { first, end } = listedBlocks(publication, plan, index, options);
    length += segmentDescriptionV1Bytes(hashBytes) + BLOCK_LIST_HEAD_BYTES + (end - first) * hashBytes;
  }
  return length;
}

/**
 * The same bytes in pieces of up to 64 KiB, made as they are asked for; pieces are owned by the caller. Throws as
 * `writeContentInformation`, before the first piece.
 */
export function contentInformationParts(
  publication: Publication,
  secret: ServerSecret,
  engine: HashEngine,
  range?: ContentRange,
  options: WriteOptions = {},
): Generator<Uint8Array, void, void> {
  const parts = publication.version === 1 ? partsV1 : partsV2;
  return gather(parts(publication, secret, engine, planRange(publication, range), options));
}

/**
 * The range's segments, as a reader of its Content Information sees them. Secrets and identifiers are derived
 * when first asked for. Throws as `writeContentInformation`.
 */
export function segmentsOf(
  publication: Publication,
  secret: ServerSecret,
  engine: HashEngine,
  range?: ContentRange,
): Segment[] {
  const { version, algorithm } = publication;
  const plan = planRange(publication, range);
  const serverKey = secret.deriveKey(engine, algorithm);
  const hashBytes = hashLengthBytes(algorithm);
  return Array.from({ length: plan.last - plan.first + 1 }, (_, i) => {
    const index = plan.first + i;
    const hashOfData = publication.hashOfData(index);
    const { first, end } = version === 1 ? listedBlocks(publication, plan, index, {}) : { first: 0, end: 0 };
    return new LazySegment(
      {
        version,
        algorithm,
        offsetBytes: publication.segmentOffsetBytes(index),
        lengthBytes: publication.segmentLengthBytes(index),
        hashOfData,
        secret: () => deriveSegmentSecret(engine, algorithm, serverKey, hashOfData),
        firstBlockIndex: first,
        blockHashes: publication.blockHashes(index).subarray(first * hashBytes, end * hashBytes),
      },
      engine,
    );
  });
}

/** Blocks whose hashes are listed: `first` up to, but not including, `end`. [MS-PCCRC] 2.3.1.2 */
function listedBlocks(
  publication: Publication,
  { range }: RangePlan,
  index: number,
  { leadingBlocks = "omit" }: WriteOptions,
): { readonly first: number; readonly end: number } {
  const offset = publication.segmentOffsetBytes(index);
  const start = leadingBlocks === "list" ? 0 : Math.max(range.startBytes - offset, 0);
  const last = Math.min(range.endBytes - offset, publication.segmentLengthBytes(index)) - 1;
  return { first: Math.floor(start / V1_BLOCK_BYTES), end: Math.floor(last / V1_BLOCK_BYTES) + 1 };
}

function* partsV1(
  publication: Publication,
  secret: ServerSecret,
  engine: HashEngine,
  plan: RangePlan,
  options: WriteOptions,
): Generator<Uint8Array, void, void> {
  const { algorithm } = publication;
  const { first, last, range } = plan;
  const hashBytes = hashLengthBytes(algorithm);
  const serverKey = secret.deriveKey(engine, algorithm);
  const lastOffset = publication.segmentOffsetBytes(last);
  const toTheEnd = range.endBytes === lastOffset + publication.segmentLengthBytes(last);

  yield encode(versionField, { minor: 0, major: 1 });
  yield encode(headerV1, {
    hashAlgorithm: algorithm,
    offsetInFirstSegment: range.startBytes - publication.segmentOffsetBytes(first),
    bytesInLastSegment: toTheEnd ? 0 : range.endBytes - Math.max(range.startBytes, lastOffset),
    segmentCount: last - first + 1,
  });
  const description = segmentDescriptionV1(hashBytes);
  for (let index = first; index <= last; index++) {
    const hashOfData = publication.hashOfData(index);
    yield encode(description, {
      offsetBytes: publication.segmentOffsetBytes(index),
      lengthBytes: publication.segmentLengthBytes(index),
      blockSizeBytes: V1_BLOCK_BYTES,
      hashOfData,
      secret: deriveSegmentSecret(engine, algorithm, serverKey, hashOfData),
    });
  }
  for (let index = first; index <= last; index++) {
    const blocks = listedBlocks(publication, plan, index, options);
    yield encode(blockListHead, { blockCount: blocks.end - blocks.first });
    yield publication.blockHashes(index).subarray(blocks.first * hashBytes, blocks.end * hashBytes);
  }
}

function* partsV2(
  publication: Publication,
  secret: ServerSecret,
  engine: HashEngine,
  { first, last, range, whole }: RangePlan,
): Generator<Uint8Array, void, void> {
  const { algorithm } = publication;
  const serverKey = secret.deriveKey(engine, algorithm);
  const startInContent = publication.segmentOffsetBytes(first);

  yield encode(versionField, { minor: 0, major: 2 });
  yield encode(headerV2, {
    hashAlgorithm: ALGORITHM_ID_V2,
    startInContent,
    indexOfFirstSegment: first,
    offsetInFirstSegment: range.startBytes - startInContent,
    lengthOfRange: whole ? 0 : range.endBytes - range.startBytes,
  });
  for (let index = first; index <= last; index++) {
    if ((index - first) % MAX_SEGMENTS_PER_CHUNK === 0) {
      const segments = Math.min(last - index + 1, MAX_SEGMENTS_PER_CHUNK);
      yield encode(chunkHead, { type: 0, dataLength: segments * SEGMENT_DESCRIPTION_V2_BYTES });
    }
    const hashOfData = publication.hashOfData(index);
    yield encode(segmentDescriptionV2, {
      lengthBytes: publication.segmentLengthBytes(index),
      hashOfData,
      secret: deriveSegmentSecret(engine, algorithm, serverKey, hashOfData),
    });
  }
}

const PART_BYTES = 65_536;

/** Joins small pieces into parts of up to 64 KiB, so that a socket gets few large writes. */
function* gather(pieces: Iterable<Uint8Array>): Generator<Uint8Array, void, void> {
  let part = new Uint8Array(PART_BYTES);
  let length = 0;
  for (const piece of pieces) {
    if (length + piece.length > PART_BYTES) {
      yield part.subarray(0, length);
      part = new Uint8Array(PART_BYTES);
      length = 0;
    }
    part.set(piece, length);
    length += piece.length;
  }
  yield part.subarray(0, length);
}
