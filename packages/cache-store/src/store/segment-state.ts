/** What a store remembers of a segment, and the rules by which a put may change it. Pure. */
import { blockCount, blockLengthBytes, type SealedBlock, type SegmentId } from "@branchcache/content-info";
import { equalBytes } from "@branchcache/runtime";
import type {
  HeldSegment,
  Limits,
  NewSegment,
  PutResult,
  RemovalReason,
  SegmentRecord,
  SegmentSummary,
  StoredBlock,
  Trust,
} from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { BlockSet } from "./block-set.ts";

/** 32 MiB in blocks of 64 KiB are 512; a bitmap larger than 1 KiB is somebody's attack. */
export const MAX_BLOCKS = 8192;
/** [MS-PCCRC] 2.1: no segment is larger; generous for version 2.0 as well. */
export const MAX_BLOCK_BYTES = 2 ** 26;
const MAX_ID_BYTES = 64;

/** The part that changes with every block; small, so that writing it anew costs little. */
export interface SegmentState {
  /** Order of use within the store, whatever the wall clock did. */
  sequence: number;
  readonly createdMs: number;
  /** Last put or read, wall clock; reads are told in batches. */
  usedMs: number;
  /** Blocks read. */
  hits: number;
  readonly lengthBytes: number;
  readonly blockSizeBytes: number;
  trust: Trust;
  pins: number;
  /** Initialization vectors and ciphertext. */
  bytes: number;
  readonly held: BlockSet;
  /** A subset of `held`. */
  readonly verified: BlockSet;
}

/** The part that seldom changes. */
export type SegmentFacts = Pick<
  NewSegment,
  "cipher" | "tags" | "hashOfData" | "blockHashes" | "algorithm" | "secretRef"
>;

/** Sums over the whole store. */
export interface Totals {
  bytes: number;
  /** Blocks read since the store was made. */
  hits: number;
  /** What went since the store was made, and why. */
  readonly gone: Record<RemovalReason, { segments: number; bytes: number }>;
  /** The part of `bytes` that cannot be evicted. */
  pinnedBytes: number;
  segments: number;
  complete: number;
  nextSequence: number;
}

export const REMOVAL_REASONS: readonly RemovalReason[] = ["size", "age", "flush", "corrupt", "removed"];

export function emptyTotals(): Totals {
  const none = () => ({ segments: 0, bytes: 0 });
  const gone = { size: none(), age: none(), flush: none(), corrupt: none(), removed: none() };
  return { bytes: 0, pinnedBytes: 0, segments: 0, complete: 0, nextSequence: 1, hits: 0, gone };
}

export function storedBytes(block: SealedBlock): number {
  return block.iv.length + block.data.length;
}

export function newState(segment: NewSegment, sequence: number, createdMs: number): SegmentState {
  const blocks = blockCount(segment);
  return {
    sequence,
    createdMs,
    usedMs: createdMs,
    hits: 0,
    lengthBytes: segment.lengthBytes,
    blockSizeBytes: segment.blockSizeBytes,
    trust: segment.trust,
    pins: 0,
    bytes: 0,
    held: new BlockSet(blocks),
    verified: new BlockSet(blocks),
  };
}

export function isComplete(state: SegmentState): boolean {
  return state.verified.size === state.held.totalBlocks;
}

/** Throws `BC_STORE_INVALID`. */
export function checkLimits(limits: Limits): Limits {
  const { limitBytes, maxAgeMs } = limits;
  if (!Number.isSafeInteger(limitBytes) || limitBytes < 0) {
    throw new StoreError("BC_STORE_INVALID", `a limit of ${limitBytes} bytes`);
  }
  if (maxAgeMs !== undefined && !(maxAgeMs > 0)) {
    throw new StoreError("BC_STORE_INVALID", `an age limit of ${maxAgeMs} ms`);
  }
  return limits;
}

/** Too old to be offered; pinned segments never are. */
export function isExpired(
  state: Pick<SegmentState, "pins" | "createdMs">,
  nowMs: number,
  { maxAgeMs }: Pick<Limits, "maxAgeMs">,
): boolean {
  return state.pins === 0 && maxAgeMs !== undefined && state.createdMs + maxAgeMs <= nowMs;
}

export function segmentSummary(id: SegmentId, state: SegmentState, tags: readonly string[]): SegmentSummary {
  const { createdMs, usedMs, hits, lengthBytes, bytes, trust, pins } = state;
  const { heldBlocks, verifiedBlocks, totalBlocks } = heldSegment(state);
  return {
    id: new Uint8Array(id),
    tags: [...tags],
    createdMs,
    usedMs,
    hits,
    lengthBytes,
    bytes,
    heldBlocks,
    verifiedBlocks,
    totalBlocks,
    trust,
    pins,
  };
}

export function heldSegment(state: SegmentState): HeldSegment {
  return {
    heldBlocks: state.held.size,
    verifiedBlocks: state.verified.size,
    totalBlocks: state.held.totalBlocks,
    createdMs: state.createdMs,
  };
}

/** What is said of one block held. */
export function standing(state: SegmentState, index: number): Pick<StoredBlock, "trust" | "nextBlockIndex"> {
  return state.verified.has(index)
    ? { trust: "verified", nextBlockIndex: state.verified.after(index) }
    : { trust: "blind", nextBlockIndex: state.held.after(index) };
}

export function segmentRecord(id: SegmentId, state: SegmentState, facts: SegmentFacts): SegmentRecord {
  return {
    id: new Uint8Array(id),
    ...copyFacts(facts),
    lengthBytes: state.lengthBytes,
    blockSizeBytes: state.blockSizeBytes,
    trust: state.trust,
    createdMs: state.createdMs,
    pins: state.pins,
  };
}

export function copyFacts(facts: SegmentFacts): SegmentFacts {
  const { cipher, tags, hashOfData, blockHashes, algorithm, secretRef } = facts;
  return {
    cipher,
    tags: [...tags],
    ...(hashOfData && { hashOfData: new Uint8Array(hashOfData) }),
    ...(blockHashes && { blockHashes: new Uint8Array(blockHashes) }),
    ...(algorithm && { algorithm }),
    ...(secretRef !== undefined && { secretRef }),
  };
}

/** Throws `BC_STORE_INVALID` for what no segment or block can be. */
export function checkBlock(segment: NewSegment, index: number, block: SealedBlock): void {
  const { id, lengthBytes, blockSizeBytes, blockHashes } = segment;
  const fail = (what: string): never => {
    throw new StoreError("BC_STORE_INVALID", what);
  };
  if (id.length === 0 || id.length > MAX_ID_BYTES) fail(`a segment identifier of ${id.length} bytes`);
  if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 1) fail(`a segment of ${lengthBytes} bytes`);
  if (!Number.isSafeInteger(blockSizeBytes) || blockSizeBytes < 1 || blockSizeBytes > MAX_BLOCK_BYTES) {
    fail(`blocks of ${blockSizeBytes} bytes`);
  }
  const blocks = blockCount(segment);
  if (blocks > MAX_BLOCKS) fail(`a segment of ${blocks} blocks, at most ${MAX_BLOCKS} allowed`);
  if (!Number.isInteger(index) || index < 0 || index >= blocks) fail(`block ${index} of ${blocks}`);
  if (blockHashes && (blockHashes.length === 0 || blockHashes.length % blocks !== 0)) {
    fail(`${blockHashes.length} bytes of block hashes for ${blocks} blocks`);
  }
  const plainBytes = blockLengthBytes(segment, index);
  const { cipher, iv, data } = block;
  if (iv.length !== (cipher === 0 ? 0 : 16)) fail(`an initialization vector of ${iv.length} bytes`);
  const fits =
    cipher === 0
      ? data.length === plainBytes
      : // One whole block of padding more or less: blind blocks come from peers with habits of their own.
        data.length % 16 === 0 && data.length >= plainBytes && data.length <= plainBytes + 16;
  if (!fits)
    fail(`${data.length} bytes of ${cipher === 0 ? "plaintext" : "ciphertext"} for ${plainBytes} bytes`);
}

/** Arrays that were found equal, and that nobody changes; each of the first to the last that it was compared with. */
export type KnownEqual = WeakMap<Uint8Array, Uint8Array>;

/** Throws `BC_STORE_MISMATCH` when the writer contradicts what the store knows. */
function checkFacts(state: SegmentState, facts: SegmentFacts, segment: NewSegment, equal?: KnownEqual): void {
  const fail = (what: string): never => {
    throw new StoreError("BC_STORE_MISMATCH", `the segment is known with another ${what}`);
  };
  if (state.lengthBytes !== segment.lengthBytes) fail("length");
  if (state.blockSizeBytes !== segment.blockSizeBytes) fail("block size");
  // What a blind writer said of hashes does not stand in the way of one that verified.
  if (state.trust === "blind" && segment.trust === "verified") return;
  if (differ(facts.hashOfData, segment.hashOfData, equal)) fail("hash of data");
  if (differ(facts.blockHashes, segment.blockHashes, equal)) fail("list of block hashes");
  if (facts.algorithm && segment.algorithm && facts.algorithm !== segment.algorithm) fail("hash algorithm");
}

function differ(
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
  equal: KnownEqual | undefined,
): boolean {
  if (a === undefined || b === undefined || a === b || equal?.get(a) === b) return false;
  if (!equalBytes(a, b)) return true;
  equal?.set(a, b);
  return false;
}

/** What the record is short of and the writer knows; undefined when there is nothing to add. */
export function mergeFacts(
  state: SegmentState,
  facts: SegmentFacts,
  segment: NewSegment,
): SegmentFacts | undefined {
  // A blind writer proves nothing: he fills no gaps of a verified record, and his own claims end with it.
  if (segment.trust === "blind" && state.trust === "verified") return undefined;
  const isProof = segment.trust === "verified" && state.trust === "blind";
  const isNew =
    isProof ||
    segment.tags.some((tag) => !facts.tags.includes(tag)) ||
    (!facts.hashOfData && segment.hashOfData) ||
    (!facts.blockHashes && segment.blockHashes) ||
    (!facts.algorithm && segment.algorithm) ||
    (facts.secretRef === undefined && segment.secretRef !== undefined);
  if (!isNew) return undefined;
  const tags = [...facts.tags, ...segment.tags.filter((tag) => !facts.tags.includes(tag))];
  return copyFacts(isProof ? { ...segment, tags } : { ...segment, ...facts, tags });
}

/** Whether a block may be stored, by the rules of `BlockStore.putBlock` on trust, room aside. Throws `BC_STORE_MISMATCH`. */
export function judgePut(
  known: { readonly state: SegmentState; readonly facts: SegmentFacts } | undefined,
  segment: NewSegment,
  index: number,
  equal?: KnownEqual,
): Exclude<PutResult, "full"> {
  const state = known?.state;
  if (known) checkFacts(known.state, known.facts, segment, equal);
  if (state?.held.has(index) && (segment.trust === "blind" || state.verified.has(index)))
    return "already-held";
  if (state?.trust === "verified" && segment.trust === "blind") {
    throw new StoreError("BC_STORE_MISMATCH", "a blind block for a segment that is verified");
  }
  return "stored";
}

/** Whether a segment may grow by so much, if all that can be evicted is. Its own blocks are not, to make room for its next one. */
export function mayGrow(
  state: SegmentState | undefined,
  growthBytes: number,
  totals: Totals,
  limitBytes: number,
): boolean {
  const stayingBytes = totals.pinnedBytes + (state && state.pins === 0 ? state.bytes : 0);
  return stayingBytes + growthBytes <= limitBytes;
}
