// @ts-check
/** The content that the retrieval benchmark moves: few distinct blocks, so that it fits in memory sealed. */
import { createHash } from "node:crypto";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { nodeBlockCipher } from "@branchcache/retrieval/node";

/** @typedef {import("@branchcache/content-info").Segment} Segment */
/** @typedef {import("@branchcache/content-info").SealedBlock} SealedBlock */

const BLOCK_BYTES = 65_536;
const DISTINCT_BLOCKS = 16;
const V1_BLOCKS = 512;
/** Segments have one of so many secrets, and so a block as many ciphertexts. */
const SECRETS = 16;

/** @param {string} label */
const digest = (label) => new Uint8Array(createHash("sha256").update(label).digest());

/** The same bytes in every process. */
const random = { bytes: (/** @type {number} */ length) => digest("iv").subarray(0, length) };

const plainBlocks = Array.from({ length: DISTINCT_BLOCKS }, (_, i) => {
  const block = new Uint8Array(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 32) block.set(digest(`block ${i} at ${at}`), at);
  return block;
});

const secrets = Array.from({ length: SECRETS }, (_, i) => digest(`secret ${i}`));

/** @param {number} order of a block in the content */
export const plainBlock = (order) => /** @type {Uint8Array} */ (plainBlocks[order % DISTINCT_BLOCKS]);

/**
 * Segments of 512 blocks (version 1) or of one 64 KiB block (version 2). Identifiers are made up: nothing
 * here derives them, and the first four bytes say which segment it is.
 * @param {1 | 2} version
 * @param {number} totalBytes a multiple of 32 MiB
 * @returns {Segment[]}
 */
export function benchSegments(version, totalBytes) {
  const algorithm = version === 1 ? "sha256" : "sha512-truncated";
  const hashes = plainBlocks.map((block) => nodeHashEngine.hash(algorithm, block));
  const blocksEach = version === 1 ? V1_BLOCKS : 1;
  const lengthBytes = blocksEach * BLOCK_BYTES;
  return Array.from({ length: totalBytes / lengthBytes }, (_, i) => {
    const id = digest(`segment ${version}`);
    new DataView(id.buffer, id.byteOffset).setUint32(0, i);
    const blockHashes = Array.from(
      { length: blocksEach },
      (_, block) => /** @type {Uint8Array} */ (hashes[(i * blocksEach + block) % DISTINCT_BLOCKS]),
    );
    return {
      version,
      algorithm,
      id,
      secret: /** @type {Uint8Array} */ (secrets[i % SECRETS]),
      hashOfData: /** @type {Uint8Array} */ (blockHashes[0]),
      offsetBytes: i * lengthBytes,
      lengthBytes,
      blockSizeBytes: BLOCK_BYTES,
      firstBlockIndex: 0,
      blockHashes,
    };
  });
}

/**
 * Every block sealed with AES-128 under its segment's secret, as a peer's store would give it.
 * @param {1 | 2} version
 * @returns {import("@branchcache/retrieval").BlockSource}
 */
export function benchSource(version) {
  const sealed = secrets.map((secret) =>
    plainBlocks.map((block) => nodeBlockCipher.seal(block, secret, 1, random)),
  );
  const blocksEach = version === 1 ? V1_BLOCKS : 1;
  const all = Array.from({ length: blocksEach }, (_, i) => i);
  return {
    heldBlocks: async () => all,
    block: async (id, index) => {
      const segment = new DataView(id.buffer, id.byteOffset).getUint32(0);
      const block = sealed[segment % SECRETS]?.[(segment * blocksEach + index) % DISTINCT_BLOCKS];
      return block && { sealed: block, nextBlockIndex: index + 1 < blocksEach ? index + 1 : 0 };
    },
  };
}
