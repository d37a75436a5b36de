/** Goes through a store, block by block, while it is served. */
import type { SegmentId } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
import type { BlockStore, SegmentRecord, StoredBlock } from "./block-store.ts";

/**
 * Whether a block is what its record says: opened with the segment's secret and hashed. Undefined where that
 * cannot be told, for want of hash or secret. The arrays are the callee's.
 */
export type BlockCheck = (
  record: SegmentRecord,
  index: number,
  block: StoredBlock,
) => boolean | undefined | Promise<boolean | undefined>;

/** What `verifyStore` went through, and what it found. */
export interface VerifyReport {
  /** Looked at. */
  readonly segments: number;
  /** Read, those whose checksum was wrong left out. */
  readonly blocks: number;
  /** Initialization vectors and ciphertext. */
  readonly bytes: number;
  /** Blocks whose hash was checked; of all others, the checksum. */
  readonly hashed: number;
  /** What was found wrong; it has been dropped. */
  readonly damaged: readonly {
    readonly id: SegmentId;
    readonly index: number;
    readonly by: "checksum" | "hash";
  }[];
}

/** How thoroughly a store is gone through, and whom it tells. */
export interface VerifyOptions {
  /** Default: checksums only. */
  readonly check?: BlockCheck;
  readonly signal?: AbortSignal;
  /** Awaited now and then, so that a caller can let others have the processor. */
  readonly onProgress?: (soFar: VerifyReport) => void | Promise<void>;
}

/** So much is read between two calls of `onProgress`. */
const PROGRESS_BYTES = 2 ** 20;

/**
 * Reads every block and drops those that are damaged, as `corrupt`. Counts as no use. What comes meanwhile
 * may be missed. Throws the signal's reason.
 */
export async function verifyStore(
  store: Pick<BlockStore, "ids" | "segment" | "heldBlocks" | "getBlock" | "dropBlock" | "watch">,
  { check = () => undefined, signal, onProgress }: VerifyOptions = {},
): Promise<VerifyReport> {
  const damaged: VerifyReport["damaged"][number][] = [];
  const report = { segments: 0, blocks: 0, bytes: 0, hashed: 0, damaged };
  let toldBytes = 0;
  const lost = new Set<string>();
  const stop = store.watch((change) => {
    if (change.kind === "removed" && change.reason === "corrupt") lost.add(toHex(change.id));
  });
  try {
    for await (const id of store.ids()) {
      const record = await store.segment(id);
      if (!record) continue;
      report.segments++;
      for (const index of (await store.heldBlocks(id)) ?? []) {
        signal?.throwIfAborted();
        const block = await store.getBlock(id, index, { counts: false });
        if (!block) {
          // Damaged, or gone since the list was made; with its last block the segment goes.
          const isThere = (await store.heldBlocks(id)) !== undefined;
          if (isThere || lost.has(toHex(id))) damaged.push({ id, index, by: "checksum" });
          continue;
        }
        report.blocks++;
        report.bytes += block.iv.length + block.data.length;
        const verdict = await check(record, index, block);
        if (verdict !== undefined) report.hashed++;
        if (verdict === false && (await store.dropBlock(id, index))) damaged.push({ id, index, by: "hash" });
        if (report.bytes - toldBytes < PROGRESS_BYTES) continue;
        toldBytes = report.bytes;
        await onProgress?.(report);
      }
    }
  } finally {
    stop();
  }
  await onProgress?.(report);
  return report;
}
