/** Content for tests: segments of given sizes, whose blocks lie sealed in memory. */
import {
  blockCount,
  blockLengthBytes,
  deriveSegmentId,
  type SealedBlock,
  type Segment,
  type SegmentId,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { toHex } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import type { BlockSource, WantedBlock } from "../src/index.ts";
import { nodeBlockCipher } from "../src/node.ts";

export interface TestSegment {
  readonly segment: Segment;
  readonly blocks: readonly Uint8Array[];
}

const V1_BLOCK_BYTES = 65_536;

/** A segment of random bytes; in version 1 blocks are 64 KiB long, in version 2 there is one. */
export function testSegment(version: 1 | 2, lengthBytes: number, seed: number, offsetBytes = 0): TestSegment {
  const bytes = seededRandom(seed).bytes(lengthBytes);
  const algorithm = version === 1 ? "sha256" : "sha512-truncated";
  const blockSizeBytes = version === 1 ? V1_BLOCK_BYTES : lengthBytes;
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < lengthBytes; at += blockSizeBytes) blocks.push(bytes.slice(at, at + blockSizeBytes));
  const blockHashes = blocks.map((block) => engine.hash(algorithm, block));
  const hashOfData = version === 1 ? engine.hash(algorithm, ...blockHashes) : (blockHashes[0] as Uint8Array);
  const secret = engine.hash("sha256", Uint8Array.of(seed & 255, seed >> 8, 77));
  const id = deriveSegmentId(engine, algorithm, secret, hashOfData);
  const segment: Segment = {
    version,
    algorithm,
    id,
    secret,
    hashOfData,
    offsetBytes,
    lengthBytes,
    blockSizeBytes,
    firstBlockIndex: 0,
    blockHashes,
  };
  return { segment, blocks };
}

/** A segment that nobody holds; its number stands in its identifier. */
export function numberedSegment(number: number, version: 1 | 2 = 2, blocks = 1): Segment {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, number);
  return {
    version,
    algorithm: version === 1 ? "sha256" : "sha512-truncated",
    id,
    secret: id,
    hashOfData: id,
    offsetBytes: 0,
    lengthBytes: blocks * V1_BLOCK_BYTES,
    blockSizeBytes: V1_BLOCK_BYTES,
    firstBlockIndex: 0,
    blockHashes: Array.from({ length: blocks }, () => id),
  };
}

export function allBlocks(segments: readonly TestSegment[]): WantedBlock[] {
  return segments.flatMap(({ segment }) =>
    Array.from({ length: blockCount(segment) }, (_, blockIndex) => ({ segment, blockIndex })),
  );
}

/** The plaintext of a wanted block. */
export function plaintextOf(
  segments: readonly TestSegment[],
  { segment, blockIndex }: WantedBlock,
): Uint8Array {
  const bytes = segments.find((each) => each.segment === segment)?.blocks[blockIndex];
  if (bytes?.length !== blockLengthBytes(segment, blockIndex)) throw new Error("no such block");
  return bytes;
}

export interface MemorySource extends BlockSource {
  /** Blocks given out. */
  readonly served: readonly { readonly segment: string; readonly index: number }[];
}

/** Holds all blocks of the segments, or those that `holds` lets through. */
export function memorySource(
  segments: readonly TestSegment[],
  holds: (segmentIndex: number, blockIndex: number) => boolean = () => true,
): MemorySource {
  const random = seededRandom(4);
  const held = new Map<string, Map<number, SealedBlock>>();
  for (const [segmentIndex, { blocks, segment }] of segments.entries()) {
    const sealed = new Map<number, SealedBlock>();
    for (const [index, bytes] of blocks.entries()) {
      if (holds(segmentIndex, index))
        sealed.set(index, nodeBlockCipher.seal(bytes, segment.secret, 1, random));
    }
    if (sealed.size > 0) held.set(toHex(segment.id), sealed);
  }
  const served: { segment: string; index: number }[] = [];
  const indexes = (id: SegmentId): number[] | undefined => {
    const blocks = held.get(toHex(id));
    return blocks && [...blocks.keys()];
  };
  return {
    served,
    heldBlocks: async (id) => indexes(id),
    block: async (id, index) => {
      const sealed = held.get(toHex(id))?.get(index);
      if (!sealed) return undefined;
      served.push({ segment: toHex(id), index });
      return { sealed, nextBlockIndex: indexes(id)?.find((each) => each > index) ?? 0 };
    },
  };
}
