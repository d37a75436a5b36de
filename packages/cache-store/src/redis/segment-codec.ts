/** A segment as the fields of its hash, and back. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { blockCount } from "@branchcache/content-info";
import { decodeFacts, encodeFacts } from "../node/encodings.ts";
import { BlockSet } from "../store/block-set.ts";
import { copyFacts, MAX_BLOCKS, type SegmentFacts, type SegmentState } from "../store/segment-state.ts";

const VERSION_BYTES = 8;
const HEAD_BYTES = VERSION_BYTES + 32;

/** Fields that `decodeState` wants, in its order. */
export const STATE_FIELDS = ["m", "h", "w", "p", "n", "u", "x"] as const;

export interface Head {
  readonly head: Uint8Array;
  readonly facts: Uint8Array;
}

/** Version (of head and facts together), creation, length, size of a block, trust: little-endian. */
export function encodeHead(state: SegmentState, facts: SegmentFacts): Head {
  const packed = encodeFacts(copyFacts(facts));
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setFloat64(VERSION_BYTES, state.createdMs, true);
  view.setFloat64(VERSION_BYTES + 8, state.lengthBytes, true);
  view.setUint32(VERSION_BYTES + 16, state.blockSizeBytes, true);
  head[VERSION_BYTES + 20] = state.trust === "verified" ? 1 : 0;
  const hash = createHash("sha256").update(head.subarray(VERSION_BYTES)).update(packed).digest();
  head.set(hash.subarray(0, VERSION_BYTES));
  return { head, facts: packed };
}

export function versionOf(head: Uint8Array): Uint8Array {
  return head.subarray(0, VERSION_BYTES);
}

/** Undefined where there is no segment, or nothing that this program wrote. */
export function decodeState(values: readonly (Uint8Array | null | undefined)[]): SegmentState | undefined {
  const [head, held, verified, pins, bytes, usedMs, hits] = values;
  if (head?.length !== HEAD_BYTES) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const sizes = {
    lengthBytes: view.getFloat64(VERSION_BYTES + 8, true),
    blockSizeBytes: view.getUint32(VERSION_BYTES + 16, true),
  };
  const blocks = blockCount(sizes);
  if (!(blocks > 0 && blocks <= MAX_BLOCKS)) return undefined;
  const bitmap = (bits: Uint8Array | null | undefined) =>
    bits?.length === BlockSet.bytesFor(blocks)
      ? new BlockSet(blocks, new Uint8Array(bits))
      : new BlockSet(blocks);
  const createdMs = view.getFloat64(VERSION_BYTES, true);
  return {
    ...sizes,
    sequence: 0,
    createdMs,
    usedMs: number(usedMs) || createdMs,
    hits: number(hits),
    trust: head[VERSION_BYTES + 20] === 1 ? "verified" : "blind",
    pins: number(pins),
    bytes: number(bytes),
    held: bitmap(held),
    verified: bitmap(verified),
  };
}

/** A copy. Undefined for what this program did not write. */
export function readFacts(value: Uint8Array | null | undefined): SegmentFacts | undefined {
  if (!value) return undefined;
  try {
    return copyFacts(decodeFacts(value));
  } catch {
    return undefined;
  }
}

function number(value: Uint8Array | null | undefined): number {
  return value ? Number(Buffer.from(value).toString()) : 0;
}
