/** Segments as their readers see them: blocks counted, found and verified. */
import { equalBytes } from "@branchcache/runtime";
import { V1_BLOCK_BYTES } from "./constants.ts";
import { deriveSegmentId } from "./derive.ts";
import type { HashEngine } from "./hash-engine.ts";
import type {
  BlockHash,
  ContentInformation,
  ContentInformationVersion,
  ContentRange,
  HashAlgorithm,
  HashOfData,
  Segment,
  SegmentId,
  SegmentSecret,
} from "./types.ts";

/** What a segment is made from; its identifier and secret are derived from it. */
export interface SegmentSource {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly hashOfData: HashOfData;
  /** Called at most once. */
  readonly secret: () => SegmentSecret;
  readonly firstBlockIndex: number;
  /** Joined; of no bytes in version 2.0. */
  readonly blockHashes: Uint8Array;
}

/**
 * Derives identifier and secret, and splits the block hashes, when they are first asked for. A class, because version 2.0
 * content has tens of thousands of segments: an object literal with getters takes 1 KB more in V8, and several times as
 * long to read. Spreading one into a new object loses what is derived.
 */
export class LazySegment implements Segment {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  readonly hashOfData: HashOfData;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly blockSizeBytes: number;
  readonly firstBlockIndex: number;
  readonly #source: SegmentSource;
  readonly #engine: HashEngine;
  #secret: SegmentSecret | undefined;
  #id: SegmentId | undefined;
  #blockHashes: readonly BlockHash[] | undefined;

  constructor(source: SegmentSource, engine: HashEngine) {
    this.version = source.version;
    this.algorithm = source.algorithm;
    this.hashOfData = source.hashOfData;
    this.offsetBytes = source.offsetBytes;
    this.lengthBytes = source.lengthBytes;
    this.blockSizeBytes = source.version === 1 ? V1_BLOCK_BYTES : source.lengthBytes;
    this.firstBlockIndex = source.firstBlockIndex;
    this.#source = source;
    this.#engine = engine;
  }

  get id(): SegmentId {
    this.#id ??= deriveSegmentId(this.#engine, this.algorithm, this.secret, this.hashOfData);
    return this.#id;
  }

  get secret(): SegmentSecret {
    this.#secret ??= this.#source.secret();
    return this.#secret;
  }

  get blockHashes(): readonly BlockHash[] {
    this.#blockHashes ??=
      this.version === 1 ? split(this.#source.blockHashes, this.hashOfData.length) : [this.hashOfData];
    return this.#blockHashes;
  }
}

function split(joined: Uint8Array, each: number): Uint8Array[] {
  return Array.from({ length: joined.length / each }, (_, i) => joined.subarray(i * each, (i + 1) * each));
}

/** Blocks of the whole segment, listed or not; 1 in version 2.0. [MS-PCCRC] 2.1 */
export function blockCount(segment: Pick<Segment, "lengthBytes" | "blockSizeBytes">): number {
  return Math.ceil(segment.lengthBytes / segment.blockSizeBytes);
}

/** Length of one block; only the segment's last may be shorter. 0 for a block it does not have. */
export function blockLengthBytes(
  segment: Pick<Segment, "lengthBytes" | "blockSizeBytes">,
  blockIndex: number,
): number {
  const start = blockIndex * segment.blockSizeBytes;
  if (blockIndex < 0 || start >= segment.lengthBytes) return 0;
  return Math.min(segment.blockSizeBytes, segment.lengthBytes - start);
}

/** A run of blocks, `first` to `first + count - 1`. */
export interface BlockRun {
  readonly first: number;
  readonly count: number;
}

/** The segment's blocks that the range touches; undefined where it touches none. */
export function blocksInRange(segment: Segment, range: ContentRange): BlockRun | undefined {
  const start = Math.max(range.startBytes - segment.offsetBytes, 0);
  const end = Math.min(range.endBytes - segment.offsetBytes, segment.lengthBytes);
  if (start >= end) return undefined;
  const first = Math.floor(start / segment.blockSizeBytes);
  return { first, count: Math.floor((end - 1) / segment.blockSizeBytes) - first + 1 };
}

/**
 * The segment that this byte of the content lies in, of segments in content order; undefined where it lies in none of
 * them.
 */
export function segmentAt(segments: readonly Segment[], offsetBytes: number): Segment | undefined {
  let low = 0;
  let high = segments.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle];
    if (segment === undefined) return undefined;
    if (offsetBytes < segment.offsetBytes) high = middle - 1;
    else if (offsetBytes >= segment.offsetBytes + segment.lengthBytes) low = middle + 1;
    else return segment;
  }
  return undefined;
}

/** The segments that the range touches, in content order. */
export function segmentsInRange(information: ContentInformation, range: ContentRange): readonly Segment[] {
  return information.segments.filter((segment) => blocksInRange(segment, range) !== undefined);
}

/**
 * Whether these are the block's bytes: right length and right hash. False as well for a block whose hash is not
 * listed. [MS-PCCRC] 2.2, 4.1.3
 */
export function verifyBlock(
  segment: Segment,
  blockIndex: number,
  bytes: Uint8Array,
  engine: HashEngine,
): boolean {
  const expected = segment.blockHashes[blockIndex - segment.firstBlockIndex];
  if (!expected || bytes.length !== blockLengthBytes(segment, blockIndex)) return false;
  return equalBytes(engine.hash(segment.algorithm, bytes), expected);
}

/**
 * `complete`: all blocks are listed and their hashes make the hash of data. `partial`: some are not listed, so
 * the list stands on the content server's word alone. `mismatch`: the list is false. [MS-PCCRC] 2.2
 */
export function verifyBlockList(segment: Segment, engine: HashEngine): "complete" | "partial" | "mismatch" {
  const { algorithm, blockHashes, firstBlockIndex, hashOfData } = segment;
  if (segment.version === 2) return equalBytes(blockHashes[0]!, hashOfData) ? "complete" : "mismatch";
  if (firstBlockIndex !== 0 || blockHashes.length < blockCount(segment)) return "partial";
  return equalBytes(engine.hash(algorithm, ...blockHashes), hashOfData) ? "complete" : "mismatch";
}
