import type { NewSegment } from "@branchcache/cache-store";
import type { SealedBlock } from "@branchcache/content-info";

export const BLOCKS: number;
export const BLOCK_BYTES: number;
export const SEALED_BYTES: number;
export function segmentOf(n: number): NewSegment;
export function sealedBlock(n: number, index: number): SealedBlock;
