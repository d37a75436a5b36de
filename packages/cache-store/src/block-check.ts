/** The chain from a segment's identifier down to the bytes of a block, for `verifyStore` and imports. */
import {
  deriveSegmentId,
  type HashEngine,
  type SealedBlock,
  type SegmentId,
  type SegmentSecret,
} from "@branchcache/content-info";
import { equalBytes, toHex } from "@branchcache/runtime";
import { totalBlocks } from "./store/segment-state.ts";
import type { BlockCheck } from "./verify.ts";

export interface BlockCheckOptions {
  readonly engine: HashEngine;
  /** Decrypts; undefined for what cannot be the block. */
  readonly open: (
    sealed: SealedBlock,
    secret: SegmentSecret,
    lengthBytes: number,
  ) => { readonly plaintext: Uint8Array } | undefined;
  readonly secretOf: (id: SegmentId) => Promise<SegmentSecret | undefined>;
}

type Chain = "whole" | "broken" | "unknown";

/**
 * True if identifier, secret, hash of data, list of block hashes and block all fit together; false if not;
 * undefined where the secret, the hash of data or the full list of hashes is not known.
 */
export function makeBlockCheck({ engine, open, secretOf }: BlockCheckOptions): BlockCheck {
  let last: { readonly id: string; readonly chain: Chain; readonly secret: SegmentSecret } | undefined;
  return async (record, index, block) => {
    const { id, algorithm, hashOfData, blockHashes, lengthBytes, blockSizeBytes } = record;
    if (!algorithm || !hashOfData || !blockHashes) return undefined;
    const name = toHex(id);
    if (last?.id !== name) {
      const secret = await secretOf(id);
      if (!secret) return undefined;
      const isDerived = equalBytes(deriveSegmentId(engine, algorithm, secret, hashOfData), id);
      // Version 2.0 has one block, and its hash is the hash of data; in 1.0 that would be a list passed off as data.
      const listHash = algorithm === "sha512-truncated" ? blockHashes : engine.hash(algorithm, blockHashes);
      const isList = equalBytes(listHash, hashOfData);
      last = { id: name, secret, chain: !isDerived ? "unknown" : isList ? "whole" : "broken" };
    }
    if (last.chain !== "whole") return last.chain === "broken" ? false : undefined;
    const hashBytes = blockHashes.length / totalBlocks(record);
    const plainBytes = Math.min(blockSizeBytes, lengthBytes - index * blockSizeBytes);
    const plaintext = open(block, last.secret, plainBytes)?.plaintext;
    const expected = blockHashes.subarray(index * hashBytes, (index + 1) * hashBytes);
    return plaintext !== undefined && equalBytes(engine.hash(algorithm, plaintext), expected);
  };
}
