/** Offers as they should be, and as they should not. Independent of our own encoder. [MS-PCHC] 2.2.1 */
import { concatBytes } from "@branchcache/runtime";
import { u16, u32 } from "../../kit/integers.ts";
import type { OfferedContent } from "./source.ts";

/** [MS-PCHC] 2.1 */
export const OFFER_PATH_1 = "/C574AC30-5794-4AEE-B1BB-6651C5315029/";
export const OFFER_PATH_2 = "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/";

export const OK = "0000000100";
export const INTERESTED = "0000000101";

export interface HeaderChanges {
  readonly minor?: number;
  readonly major?: number;
  readonly type?: number;
  /** Both fields of padding. */
  readonly padding?: number;
}

function message(
  kind: { readonly major: number; readonly type: number },
  port: number,
  body: Uint8Array,
  changes: HeaderChanges = {},
): Uint8Array {
  const { minor = 0, major = kind.major, type = kind.type, padding = 0 } = changes;
  return concatBytes(
    Uint8Array.of(minor, major),
    u16(type),
    new Uint8Array(4).fill(padding),
    u16(port),
    new Uint8Array(6).fill(padding),
    body,
  );
}

/** 16 bytes: a tag of the kit's own. */
const TAG = new TextEncoder().encode("conformance\0\0\0\0\0");

export function initialOffer(port: number, id: Uint8Array, changes?: HeaderChanges): Uint8Array {
  return message({ major: 1, type: 1 }, port, id, changes);
}

export function segmentInfo(port: number, information: Uint8Array, changes?: HeaderChanges): Uint8Array {
  return message({ major: 1, type: 2 }, port, concatBytes(TAG, information), changes);
}

export interface DescriptorChanges {
  readonly hashAlgorithm?: number;
  readonly contentTag?: Uint8Array;
  readonly segmentSize?: number;
  readonly blockSize?: number;
}

export function descriptor({ segment }: OfferedContent, changes: DescriptorChanges = {}): Uint8Array {
  const { contentTag = TAG, segmentSize = segment.lengthBytes, blockSize = segment.blockSizeBytes } = changes;
  const { hashAlgorithm = segment.version === 1 ? 1 : 4 } = changes;
  return concatBytes(
    u32(blockSize),
    u32(segmentSize),
    u16(contentTag.length),
    contentTag,
    Uint8Array.of(hashAlgorithm),
    segment.id,
  );
}

export function batchedOffer(
  port: number,
  descriptors: readonly Uint8Array[],
  changes?: HeaderChanges,
): Uint8Array {
  return message({ major: 2, type: 3 }, port, concatBytes(...descriptors), changes);
}
