/** Pulls a segment whose hashes and key are known: nothing is kept that fails its hash. [MS-PCHC] 3.1.5.2 */
import type { BlockStore, SegmentRecord } from "@branchcache/cache-store";
import { blockLengthBytes, type HashEngine, type Segment, verifyBlock } from "@branchcache/content-info";
import type { PullJob, PullOutcome } from "@branchcache/hosted-cache";
import {
  type BlockCipher,
  type FetchBlocksOptions,
  fetchBlocks,
  type PeerFinder,
  type WantedBlock,
} from "@branchcache/retrieval";
import { concatBytes, equalBytes, formatEndpoint } from "@branchcache/runtime";
import type { SegmentVault } from "../segment-vault.ts";

export interface VerifiedPullOptions {
  readonly blocks: BlockStore;
  readonly vault: SegmentVault;
  readonly engine: HashEngine;
  readonly cipher: BlockCipher;
  readonly fetch: Omit<FetchBlocksOptions, "finder" | "signal" | "peers">;
}

/** The client that offered is asked, and nobody else. */
const nobodyElse: PeerFinder = { async *find() {} };

export async function pullVerified(
  { from, wanted: { tag } }: PullJob,
  segment: Segment,
  signal: AbortSignal,
  options: VerifiedPullOptions,
): Promise<PullOutcome> {
  const { fetch, vault } = options;
  const missing = await missingBlocks(segment, options);
  if (missing.length === 0) return "complete";
  const observer = fetch.observer;
  let lied = false;
  let kept = 0;
  let failed = 0;
  const pieces = fetchBlocks(missing, {
    ...fetch,
    finder: nobodyElse,
    peers: [{ id: formatEndpoint(from), addresses: [from], kind: "peer" }],
    signal,
    onLiar: () => {
      lied = true;
    },
  });
  for await (const piece of pieces) {
    if (piece.kind === "missing") {
      if (piece.reason !== "no-peer") failed++;
      continue;
    }
    observer?.count("retrieval_bytes_total", piece.bytes.length, { source: "peer", app: "pull" });
    const tags = tag === "" ? [] : [tag];
    if ((await vault.keep(segment, piece.blockIndex, piece.bytes, piece.sealed, tags)) !== "kept")
      return "refused";
    kept++;
  }
  if (lied) return "lied";
  if (kept === missing.length) return "complete";
  if (kept > 0) return "partial";
  return failed > 0 ? "failed" : "nothing";
}

/** Listed blocks that are not held verified; blind ones that pass their hash become so, others go. */
async function missingBlocks(segment: Segment, options: VerifiedPullOptions): Promise<WantedBlock[]> {
  const { blocks, cipher, engine, vault } = options;
  const record = await blocks.segment(segment.id);
  if (record?.trust === "blind" && contradicts(record, segment)) await blocks.removeSegment(segment.id);
  const verified = new Set(await blocks.heldBlocks(segment.id, "verified"));
  const held = new Set(await blocks.heldBlocks(segment.id));
  const missing: WantedBlock[] = [];
  for (let i = 0; i < segment.blockHashes.length; i++) {
    const blockIndex = segment.firstBlockIndex + i;
    if (verified.has(blockIndex)) continue;
    if (held.has(blockIndex)) {
      const stored = await blocks.getBlock(segment.id, blockIndex, { counts: false });
      const opened = stored && cipher.open(stored, segment.secret, blockLengthBytes(segment, blockIndex));
      if (opened && verifyBlock(segment, blockIndex, opened.plaintext, engine)) {
        await vault.keep(segment, blockIndex, opened.plaintext, stored);
        continue;
      }
      await blocks.dropBlock(segment.id, blockIndex);
    }
    missing.push({ segment, blockIndex });
  }
  return missing;
}

/** Whether somebody's word of a segment stands in the way of what was checked. */
function contradicts(record: SegmentRecord, segment: Segment): boolean {
  const { blockSizeBytes, hashOfData, lengthBytes } = segment;
  if (record.lengthBytes !== lengthBytes || record.blockSizeBytes !== blockSizeBytes) return true;
  if (record.hashOfData && !equalBytes(record.hashOfData, hashOfData)) return true;
  if (record.algorithm && record.algorithm !== segment.algorithm) return true;
  return (
    record.blockHashes !== undefined && !equalBytes(record.blockHashes, concatBytes(...segment.blockHashes))
  );
}
