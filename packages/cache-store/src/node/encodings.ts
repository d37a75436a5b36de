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
  const at = id.length;
  const key = new Uint8Array(at + 4);
  key.set(id);
  // A view of so small an array would cost more than all of this: V8 has to move it out of its heap.
  key[at] = index >>> 24;
  key[at + 1] = index >>> 16;
  key[at + 2] = index >>> 8;
  key[at + 3] = index;
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

/** Header, initialization vector, data; the checksum covers the key too, so that no block passes for another. */
export function encodeBlock(key: Uint8Array, block: SealedBlock): Uint8Array {
  const value = new Uint8Array(BLOCK_HEADER_BYTES + block.iv.length + block.data.length);
  writeBlock(key, block, value, 0);
  return value;
}

/** The same into `target`, from `offset` on. */
export function writeBlock(key: Uint8Array, block: SealedBlock, target: Uint8Array, offset: number): void {
  const { cipher, iv, data } = block;
  const ivAt = offset + BLOCK_HEADER_BYTES;
  const end = ivAt + iv.length + data.length;
  target[offset] = cipher;
  target[offset + 1] = iv.length;
  target[offset + 2] = 0;
  target[offset + 3] = 0;
  target.set(iv, ivAt);
  target.set(data, ivAt + iv.length);
  const checksum = blockChecksum(key, target.subarray(offset, end));
  target[offset + 4] = checksum;
  target[offset + 5] = checksum >>> 8;
  target[offset + 6] = checksum >>> 16;
  target[offset + 7] = checksum >>> 24;
}

/** Views of `value`. Undefined if it is not what was written, as far as that is checked. */
export function decodeBlock(key: Uint8Array, value: Uint8Array, isChecked = true): SealedBlock | undefined {
  if (value.length < BLOCK_HEADER_BYTES) return undefined;
  const ivBytes = value[1] ?? 0;
  if (isChecked) {
    const view = new DataView(value.buffer, value.byteOffset, BLOCK_HEADER_BYTES);
    if (view.getUint32(4, true) !== blockChecksum(key, value)) return undefined;
  }
  return {
    cipher: value[0] as CipherId,
    iv: value.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + ivBytes),
    data: value.subarray(BLOCK_HEADER_BYTES + ivBytes, value.length),
  };
}

/** CRC-32 of the key, the first four bytes of the header, and what follows the header. */
function blockChecksum(key: Uint8Array, value: Uint8Array): number {
  const start = key.length;
  const head = new Uint8Array(start + 4);
  head.set(key);
  for (let i = 0; i < 4; i++) head[start + i] = value[i] ?? 0;
  // LMDB lends a longer buffer with a `length` of its own, which Node 24's subarray does not look at.
  return crc32(value.subarray(BLOCK_HEADER_BYTES, value.length), crc32(head));
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
