/** The chain from a segment's identifier down to the bytes of a block, for `verifyStore` and imports. */
import {
  blockCount,
  blockLengthBytes,
  deriveSegmentId,
  type HashEngine,
  type SealedBlock,
  type SegmentId,
  type SegmentSecret,
} from "@branchcache/content-info";
import { equalBytes, toHex } from "@branchcache/runtime";
import type { BlockCheck } from "./verify.ts";

export interface BlockCheckOptions {
  readonly engine: HashEngine;
  /** Decrypts; undefined for what cannot be the block. */
  readonly open: (
    sealed: SealedBlock,
    secret: SegmentSecret,
    lengthBytes: number,
  ) => { readonly plaintext: Uint8Array } | undefined;
  /** The segment's secret; undefined where it is not known. `get` of a `SecretStore`. */
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
    const { id, algorithm, hashOfData } = record;
    if (!algorithm || !hashOfData) return undefined;
    // A segment of version 2.0 is one block, whose hash is the hash of data. [MS-PCCRC] 2.4.1
    const isVersion2 = algorithm === "sha512-truncated";
    const blockHashes = record.blockHashes ?? (isVersion2 ? hashOfData : undefined);
    if (!blockHashes) return undefined;
    const name = toHex(id);
    if (last?.id !== name) {
      const secret = await secretOf(id);
      if (!secret) return undefined;
      const isDerived = equalBytes(deriveSegmentId(engine, algorithm, secret, hashOfData), id);
      const listHash = isVersion2 ? blockHashes : engine.hash(algorithm, blockHashes);
      const isList = equalBytes(listHash, hashOfData);
      last = { id: name, secret, chain: !isDerived ? "unknown" : isList ? "whole" : "broken" };
    }
    if (last.chain !== "whole") return last.chain === "broken" ? false : undefined;
    const hashBytes = blockHashes.length / blockCount(record);
    const plaintext = open(block, last.secret, blockLengthBytes(record, index))?.plaintext;
    const expected = blockHashes.subarray(index * hashBytes, (index + 1) * hashBytes);
    return plaintext !== undefined && equalBytes(engine.hash(algorithm, plaintext), expected);
  };
}
