/** Blocks, facts and publications as bytes, the same in every store that keeps bytes. Little-endian, except in keys that must sort. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { CipherId, SealedBlock, SegmentId } from "@branchcache/content-info";
import { Packr } from "msgpackr";
import type { PublicationEntry } from "../block-store.ts";
import type { SegmentFacts } from "../store/segment-state.ts";

export const packr = new Packr({ useRecords: false, mapsAsObjects: true, copyBuffers: true });

/** What it holds is of no meaning; zeros cost as much as reading the block. */
export function unfilledBytes(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

/** Identifier, then the index big-endian. */
export function blockKey(id: SegmentId, index: number): Uint8Array {
  const key = new Uint8Array(id.length + 4);
  key.set(id);
  new DataView(key.buffer).setUint32(id.length, index, false);
  return key;
}

/** What `blockKey` put together; the identifier is a copy. */
export function splitKey(key: Uint8Array): { readonly id: SegmentId; readonly index: number } {
  const idBytes = key.length - 4;
  const index = new DataView(key.buffer, key.byteOffset + idBytes, 4).getUint32(0, false);
  return { id: new Uint8Array(key.subarray(0, idBytes)), index };
}

/** Cipher, length of the initialization vector, two zero bytes, checksum. */
export const BLOCK_HEADER_BYTES = 8;

/**
 * Header, initialization vector, data; the checksum covers the key too, so that no block passes for another.
 * Written into `value`, which must be of the right length, and given back.
 */
export function encodeBlock(
  key: Uint8Array,
  block: SealedBlock,
  value: Uint8Array = new Uint8Array(BLOCK_HEADER_BYTES + block.iv.length + block.data.length),
): Uint8Array {
  const { cipher, iv, data } = block;
  value.set([cipher, iv.length, 0, 0]);
  value.set(iv, BLOCK_HEADER_BYTES);
  value.set(data, BLOCK_HEADER_BYTES + iv.length);
  new DataView(value.buffer, value.byteOffset).setUint32(4, blockChecksum(key, value), true);
  return value;
}

/** Views of `value`. Undefined if it is not what was written, as far as that is checked. */
export function decodeBlock(key: Uint8Array, value: Uint8Array, isChecked = true): SealedBlock | undefined {
  if (value.length < BLOCK_HEADER_BYTES) return undefined;
  const ivBytes = value[1] ?? 0;
  const view = new DataView(value.buffer, value.byteOffset, BLOCK_HEADER_BYTES);
  if (isChecked && view.getUint32(4, true) !== blockChecksum(key, value)) return undefined;
  return {
    cipher: value[0] as CipherId,
    iv: value.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + ivBytes),
    data: value.subarray(BLOCK_HEADER_BYTES + ivBytes, value.length),
  };
}

function blockChecksum(key: Uint8Array, value: Uint8Array): number {
  // LMDB lends a longer buffer with a `length` of its own, which Node 24's subarray does not look at.
  return crc32(value.subarray(BLOCK_HEADER_BYTES, value.length), crc32(value.subarray(0, 4), crc32(key)));
}

export function encodeFacts(facts: SegmentFacts): Uint8Array {
  return packr.pack(facts);
}

/** A copy. */
export function decodeFacts(value: Uint8Array): SegmentFacts {
  return packr.unpack(value);
}

/** Keys of publications may be longer than a store allows. */
export function publicationKey(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}

/** Length of the key, key, entry: keys can be listed without reading the entries. */
export function encodePublication(key: string, entry: PublicationEntry): Uint8Array {
  const name = new TextEncoder().encode(key);
  const packed = packr.pack(entry);
  const value = new Uint8Array(4 + name.length + packed.length);
  new DataView(value.buffer).setUint32(0, name.length, true);
  value.set(name, 4);
  value.set(packed, 4 + name.length);
  return value;
}

export function decodePublicationName(value: Uint8Array): string {
  return new TextDecoder().decode(value.subarray(4, nameEnd(value)));
}

/** A copy. */
export function decodePublication(value: Uint8Array): PublicationEntry {
  const entry: PublicationEntry = packr.unpack(value.subarray(nameEnd(value), value.length));
  return { ...entry, publications: entry.publications.map((bytes) => new Uint8Array(bytes)) };
}

function nameEnd(value: Uint8Array): number {
  return 4 + new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true);
}
