/** Pulls a segment by its identifier alone: what comes is kept unread, as it came. [MS-PCHC] 3.1.5.3 */
import type { BlockStore, NewSegment } from "@branchcache/cache-store";
import { blockLengthBytes, type SealedBlock } from "@branchcache/content-info";
import {
  type OfferedSegment,
  offeredBlocks,
  type PullJob,
  type PullOutcome,
} from "@branchcache/hosted-cache";
import { CIPHER_BLOCK_BYTES, type RetrievalClient, sealedLengthBytes } from "@branchcache/retrieval";
import { errorCode, type Observer } from "@branchcache/runtime";

export interface BlindPullOptions {
  readonly blocks: BlockStore;
  readonly observer: Observer;
  /** Requests under way for one segment of several blocks. Default 4. */
  readonly window?: number;
}

/** Requests that were lost because another one on their connection failed are made again so often. */
const MAX_LOST = 2;

export async function pullBlind(
  job: PullJob,
  segment: OfferedSegment,
  client: RetrievalClient,
  signal: AbortSignal,
  options: BlindPullOptions,
): Promise<PullOutcome> {
  const { blocks, observer, window = 4 } = options;
  const total = offeredBlocks(segment);
  const held = job.replaces ? [] : ((await blocks.heldBlocks(segment.id)) ?? []);
  const missing = new Set(Array.from({ length: total }, (_, index) => index));
  for (const index of held) missing.delete(index);

  let listed: readonly number[] = [...missing];
  if (total > 1) {
    const list = await client.getBlockList(segment.id, missing, signal);
    if (list.kind === "failed") return "failed";
    listed = list.ranges.flatMap(({ count, index }) => Array.from({ length: count }, (_, i) => index + i));
  }
  if (listed.length === 0) return missing.size === 0 ? "complete" : "nothing";

  let outcome: PullOutcome | undefined;
  let kept = 0;
  let replaces = job.replaces;
  const queue = listed[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const index of queue) {
      const answer = await getBlock(client, segment, index, signal);
      if (outcome) return;
      if (answer === "empty") continue;
      if (answer === "failed") {
        outcome = "failed";
        return;
      }
      if (!canBe(answer, segment, index)) {
        observer.count("blocks_rejected_total", 1, { reason: "decrypt" });
        outcome = "lied";
        return;
      }
      if (replaces) {
        replaces = false;
        // What was verified meanwhile is not given up for an unread copy.
        if ((await blocks.segment(segment.id))?.trust === "blind") await blocks.removeSegment(segment.id);
      }
      if (!(await keep(blocks, segment, index, answer, job.wanted.tag))) {
        outcome = "refused";
        return;
      }
      kept++;
      missing.delete(index);
      observer.count("retrieval_bytes_total", answer.data.length, { source: "peer", app: "pull" });
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, listed.length) }, worker));
  if (outcome) return outcome;
  if (missing.size === 0) return "complete";
  return kept > 0 ? "partial" : "nothing";
}

async function getBlock(
  client: RetrievalClient,
  segment: OfferedSegment,
  index: number,
  signal: AbortSignal,
): Promise<SealedBlock | "empty" | "failed"> {
  for (let lost = 0; ; lost++) {
    const answer = await client.getBlock(segment.id, index, signal);
    if (answer.kind === "block") return answer.sealed;
    if (answer.kind === "empty") return "empty";
    if (answer.reason !== "lost" || lost === MAX_LOST) return "failed";
  }
}

/** Whether it can be the block at all: ciphertext of the right length. Plain bytes are not kept. */
function canBe({ cipher, data, iv }: SealedBlock, segment: OfferedSegment, index: number): boolean {
  if (cipher === 0 || iv.length !== CIPHER_BLOCK_BYTES) return false;
  return data.length === sealedLengthBytes(blockLengthBytes(segment, index), cipher);
}

async function keep(
  blocks: BlockStore,
  segment: OfferedSegment,
  index: number,
  sealed: SealedBlock,
  tag: string,
): Promise<boolean> {
  const { algorithm, blockSizeBytes, id, lengthBytes } = segment;
  const record: NewSegment = {
    id,
    cipher: sealed.cipher,
    algorithm,
    lengthBytes,
    blockSizeBytes,
    tags: tag === "" ? [] : [tag],
    trust: "blind",
  };
  try {
    return (await blocks.putBlock(record, index, sealed)) !== "full";
  } catch (error) {
    if (errorCode(error) === "BC_STORE_MISMATCH") return false;
    throw error;
  }
}
