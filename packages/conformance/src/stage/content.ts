/** Content that nobody has seen before, with everything that an origin and a peer need to give it out. */
import { createCipheriv } from "node:crypto";
import {
  blockCount,
  blockLengthBytes,
  type CipherId,
  publishBytes,
  readContentInformation,
  type Segment,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import type { BlockSource } from "@branchcache/retrieval";
import { nodeBlockCipher } from "@branchcache/retrieval/node";
import { BranchCacheError, type Random, toHex } from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";

/** Version of Content Information. */
export type ContentVersion = 1 | 2;
export const CONTENT_VERSIONS: readonly ContentVersion[] = [1, 2];
/** More than 128 segments of version 2.0, which has at most 128 KiB in each. */
export const MANY_SEGMENTS_BYTES = 130 * 131_072;

/** The content of one scene, with its Content Information in both versions. */
export interface StageContent {
  readonly bytes: Uint8Array;
  /** With its quotes. */
  readonly etag: string;
  /** Content Information of the whole, as the origin sends it. */
  readonly information: Readonly<Record<ContentVersion, Uint8Array>>;
  /** The segments of either, with their secrets. */
  readonly segments: Readonly<Record<ContentVersion, readonly Segment[]>>;
}

/** A block of the content; its offset is that in the content. */
export interface ContentBlock {
  readonly segment: Segment;
  readonly index: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/**
 * Content whose bytes come of `random`, and so of the seed, while its server secret is new each time: a client that
 * kept what an earlier run gave it has none of these segments.
 */
export function makeContent(random: Random, lengthBytes: number): StageContent {
  const bytes = streamOf(random.bytes(32), lengthBytes);
  const secret = ServerSecret.random(systemRandom);
  const { v1, v2 } = publishBytes(bytes, { engine: nodeHashEngine });
  if (!v1 || !v2) throw new BranchCacheError("BC_CONFORMANCE_INPUT", "content of no bytes");
  const information = {
    1: writeContentInformation(v1, secret, nodeHashEngine),
    2: writeContentInformation(v2, secret, nodeHashEngine),
  };
  const segmentsOf = (version: ContentVersion) =>
    readContentInformation(information[version], nodeHashEngine).segments;
  return {
    bytes,
    etag: `"${toHex(systemRandom.bytes(8))}"`,
    information,
    segments: { 1: segmentsOf(1), 2: segmentsOf(2) },
  };
}

/** Bytes that look random, the same for the same seed, made by a cipher for speed. */
function streamOf(seed: Uint8Array, lengthBytes: number): Uint8Array {
  const cipher = createCipheriv("aes-256-ctr", seed, new Uint8Array(16));
  return new Uint8Array(cipher.update(new Uint8Array(lengthBytes)));
}

export function blocksOf(content: StageContent, version: ContentVersion): ContentBlock[] {
  return content.segments[version].flatMap((segment) =>
    Array.from({ length: blockCount(segment) }, (_, index) => ({
      segment,
      index,
      offsetBytes: segment.offsetBytes + index * segment.blockSizeBytes,
      lengthBytes: blockLengthBytes(segment, index),
    })),
  );
}

/** The segment with this identifier, of either version. */
export function segmentById(content: StageContent, id: Uint8Array): Segment | undefined {
  const wanted = toHex(id);
  return [...content.segments[1], ...content.segments[2]].find((segment) => toHex(segment.id) === wanted);
}

export interface BlockSourceOptions {
  /** Default AES-128. */
  readonly cipher?: CipherId;
  /** Default every block. */
  readonly holds?: (segment: Segment, index: number) => boolean;
  readonly random: Random;
}

/** The content as a peer that holds it serves it. */
export function blockSource(content: StageContent, options: BlockSourceOptions): BlockSource {
  const { cipher = 1, holds = () => true, random } = options;
  const held = (segment: Segment) =>
    Array.from({ length: blockCount(segment) }, (_, index) => index).filter((index) => holds(segment, index));
  return {
    async heldBlocks(id) {
      const segment = segmentById(content, id);
      return segment && held(segment);
    },
    async block(id, index) {
      const segment = segmentById(content, id);
      if (!segment) return undefined;
      const indexes = held(segment);
      if (!indexes.includes(index)) return undefined;
      const start = segment.offsetBytes + index * segment.blockSizeBytes;
      const plain = content.bytes.subarray(start, start + blockLengthBytes(segment, index));
      return {
        sealed: nodeBlockCipher.seal(plain, segment.secret, cipher, random),
        nextBlockIndex: indexes.find((other) => other > index) ?? 0,
      };
    },
  };
}
