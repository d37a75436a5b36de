/** The records of a package file; `docs/package-format.md` says the same in words. */
import { crc32 } from "node:zlib";
import { blockCount, type SealedBlock } from "@branchcache/content-info";
import type { PublicationEntry, SegmentRecord, Trust } from "../../block-store.ts";
import { StoreError } from "../../errors.ts";
import { BlockSet } from "../../store/block-set.ts";
import { MAX_BLOCK_BYTES, MAX_BLOCKS } from "../../store/segment-state.ts";
import { packr } from "../encodings.ts";

export const MAGIC = Uint8Array.from([0x42, 0x43, 0x50, 0x4b, 0x47, 0x0d, 0x0a, 0x1a]);
/** The number that stands for a type is its place here, from 1 on. */
const RECORD_TYPES = ["start", "segment", "block", "publication", "holding", "end"] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

/** Type, three zero bytes, length of the payload; after the payload a CRC-32 of all before. */
export const HEADER_BYTES = 8;
export const TRAILER_BYTES = 4;
/** A block with its header; nothing is larger. */
export const MAX_PAYLOAD_BYTES = MAX_BLOCK_BYTES + 64;
const BLOCK_HEADER_BYTES = 8;

export interface StartRecord {
  readonly version: 1;
  readonly kind: "package" | "reference";
  readonly createdMs: number;
  /** Of a package: stands for what it was to hold, so that only the same export goes on with it. */
  readonly scope?: string;
}

export type SegmentEntry = Omit<SegmentRecord, "pins" | "createdMs"> & {
  /** Only in packages made with secrets. */
  readonly secret?: Uint8Array;
};

export interface BlockEntry extends SealedBlock {
  readonly index: number;
  readonly trust: Trust;
}

export interface PublicationRecord {
  readonly key: string;
  readonly entry: PublicationEntry;
}

/** What a reference file says of a segment. */
export interface HoldingEntry {
  readonly id: Uint8Array;
  readonly totalBlocks: number;
  /** One bit each, lowest first. */
  readonly held: Uint8Array;
}

export interface EndRecord {
  readonly segments: number;
  readonly blocks: number;
  readonly publications: number;
  /** SHA-256 of all bytes before this record. */
  readonly hash: Uint8Array;
}

function encodeRecord(type: RecordType, payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + payload.length + TRAILER_BYTES);
  const view = new DataView(record.buffer);
  record[0] = RECORD_TYPES.indexOf(type) + 1;
  view.setUint32(4, payload.length, true);
  record.set(payload, HEADER_BYTES);
  const end = HEADER_BYTES + payload.length;
  view.setUint32(end, crc32(record.subarray(0, end)), true);
  return record;
}

/** The type of a record with this header; undefined if there is no such type. */
export function recordType(header: Uint8Array): RecordType | undefined {
  return RECORD_TYPES[(header[0] ?? 0) - 1];
}

export function encodeObject(
  type: Exclude<RecordType, "block">,
  value: StartRecord | SegmentEntry | PublicationRecord | HoldingEntry | EndRecord,
): Uint8Array {
  return encodeRecord(type, packr.pack(value));
}

export function decodeObject<T>(payload: Uint8Array): T {
  try {
    return packr.unpack(payload);
  } catch (cause) {
    throw damaged("a record that cannot be read", cause);
  }
}

const ALGORITHMS = new Set<unknown>(["sha256", "sha384", "sha512", "sha512-truncated"]);
const CIPHERS = new Set<unknown>([0, 1, 2, 3]);
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

/** A good checksum says nothing of who made the file: what its numbers come to is looked at before it is used. */
export function decodeSegment(payload: Uint8Array): SegmentEntry {
  const segment = decodeObject<SegmentEntry>(payload);
  const { id, tags, secret, lengthBytes, blockSizeBytes, hashOfData, blockHashes } = segment ?? {};
  const { algorithm, cipher, secretRef } = segment ?? {};
  const isGood =
    isBytes(id) &&
    Array.isArray(tags) &&
    tags.every((tag) => typeof tag === "string") &&
    [secret, hashOfData, blockHashes].every((value) => value === undefined || isBytes(value)) &&
    isCount(lengthBytes) &&
    isCount(blockSizeBytes) &&
    blockCount(segment) <= MAX_BLOCKS &&
    (algorithm === undefined || ALGORITHMS.has(algorithm)) &&
    CIPHERS.has(cipher) &&
    (secretRef === undefined || typeof secretRef === "string");
  if (!isGood) throw damaged("a segment that is none");
  return segment;
}

export function decodePublicationRecord(payload: Uint8Array): PublicationRecord {
  const record = decodeObject<PublicationRecord>(payload);
  const { key, entry } = record ?? {};
  const isGood =
    typeof key === "string" &&
    typeof entry?.validator === "string" &&
    Number.isSafeInteger(entry.sizeBytes) &&
    Array.isArray(entry.publications) &&
    entry.publications.every(isBytes);
  if (!isGood) throw damaged("a bad publication");
  return record;
}

export function decodeHolding(payload: Uint8Array): HoldingEntry {
  const holding = decodeObject<HoldingEntry>(payload);
  const { id, totalBlocks: total, held } = holding ?? {};
  const isGood = isBytes(id) && isCount(total) && total <= MAX_BLOCKS && isBytes(held);
  if (!isGood || held.length !== BlockSet.bytesFor(total)) throw damaged("a list of blocks that is none");
  return holding;
}

/** Index, cipher, length of the initialization vector, 1 for verified, zero; then vector and data. */
export function encodeBlockEntry({ index, cipher, iv, data, trust }: BlockEntry): Uint8Array {
  const payload = new Uint8Array(BLOCK_HEADER_BYTES + iv.length + data.length);
  new DataView(payload.buffer).setUint32(0, index, true);
  payload.set([cipher, iv.length, trust === "verified" ? 1 : 0], 4);
  payload.set(iv, BLOCK_HEADER_BYTES);
  payload.set(data, BLOCK_HEADER_BYTES + iv.length);
  return encodeRecord("block", payload);
}

/** Views of `payload`. */
export function decodeBlockEntry(payload: Uint8Array): BlockEntry {
  const [cipher = 0, ivBytes = 0, trust] = payload.subarray(4, 7);
  if (payload.length < BLOCK_HEADER_BYTES + ivBytes || cipher > 3) throw damaged("a block that is none");
  return {
    index: new DataView(payload.buffer, payload.byteOffset).getUint32(0, true),
    cipher: cipher as SealedBlock["cipher"],
    iv: payload.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + ivBytes),
    data: payload.subarray(BLOCK_HEADER_BYTES + ivBytes),
    trust: trust === 1 ? "verified" : "blind",
  };
}

export function damaged(what: string, cause?: unknown): StoreError {
  return new StoreError("BC_PACKAGE_DAMAGED", what, cause === undefined ? {} : { cause });
}
