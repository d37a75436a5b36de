/** Decrypts blocks and holds them against their hashes, by code for the kit alone. */
import { createDecipheriv } from "node:crypto";
import type { Segment } from "@branchcache/content-info";
import type { Block } from "@branchcache/retrieval";
import { equalBytes } from "@branchcache/runtime";
import { hashOf } from "../../kit/hashes.ts";

const KEY_BYTES = [0, 16, 24, 32];
const CIPHERS = ["", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc"];

/**
 * The plaintext of a block with its padding, by the first bytes of the secret; undefined if it does not open.
 * [MS-PCCRR] 2.2.3, 5.1
 */
export function openBlock(block: Block, cipher: number, secret: Uint8Array): Uint8Array | undefined {
  if (cipher === 0) return block.data;
  const name = CIPHERS[cipher];
  if (name === undefined || block.iv.length !== 16) return undefined;
  try {
    const decipher = createDecipheriv(name, secret.subarray(0, KEY_BYTES[cipher]), block.iv);
    decipher.setAutoPadding(false);
    return new Uint8Array(Buffer.concat([decipher.update(block.data), decipher.final()]));
  } catch {
    return undefined;
  }
}

export function blockLength(segment: Segment, index: number): number {
  return Math.min(segment.blockSizeBytes, segment.lengthBytes - index * segment.blockSizeBytes);
}

/** What is wrong with a block that has to be what its hash says; undefined if nothing is. */
export function contentFault(segment: Segment, block: Block, cipher: number): string | undefined {
  const { blockIndex, data } = block;
  const hash = segment.blockHashes[blockIndex - segment.firstBlockIndex];
  if (hash === undefined) return `the content has no block ${blockIndex}`;
  if (data.length === 0) return "no bytes";
  const length = blockLength(segment, blockIndex);
  const how = cipher === 0 ? "without encryption" : `by ${CIPHERS[cipher] ?? `cipher ${cipher}`}`;
  const plain = openBlock(block, cipher, segment.secret)?.subarray(0, length);
  if (!plain) return `cannot be decrypted ${how}`;
  if (plain.length < length) return `${plain.length} bytes ${how}, where the block has ${length}`;
  if (equalBytes(hashOf(segment.algorithm, plain), hash)) return undefined;
  return `${length} bytes ${how}, whose hash is not that of block ${blockIndex}`;
}
