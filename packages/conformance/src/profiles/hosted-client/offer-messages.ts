/** What a client posts to a hosted cache, read by code of the kit's own. [MS-PCHC] 2.2.1 */
import { readSegmentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { u16At } from "../../kit/integers.ts";

/** Bytes of MESSAGE_HEADER and CONNECTION_INFORMATION, which every message begins with. */
export const HEAD_BYTES = 16;
/** Values of Type in MESSAGE_HEADER. */
export const INITIAL_OFFER = 1;
export const SEGMENT_INFO = 2;
/** Bytes of ContentTag in SEGMENT_INFO. */
export const TAG_BYTES = 16;
const DESCRIPTOR_BYTES = 59;

/** One segment of a BATCHED_OFFER. [MS-PCHC] 2.2.1.5 */
export interface Descriptor {
  readonly blockSize: number;
  readonly segmentSize: number;
  readonly tagSize: number;
  readonly algorithm: number;
  readonly id: Uint8Array;
}

/** -1 for a message that is shorter than its header. */
export const typeOf = (body: Uint8Array): number => (body.length >= HEAD_BYTES ? u16At(body, 2) : -1);

/** The port where the client says that it serves blocks; 0 for a message that is shorter than its header. */
export const portOf = (body: Uint8Array): number => (body.length >= HEAD_BYTES ? u16At(body, 8) : 0);

/** The identifier in an INITIAL_OFFER. */
export const offeredId = (body: Uint8Array): Uint8Array => body.slice(HEAD_BYTES);

/** The segment that a message of version 1.0 is about; undefined where its SegmentInformation cannot be read. */
export function segmentIdOf(body: Uint8Array): Uint8Array | undefined {
  if (typeOf(body) !== SEGMENT_INFO) return offeredId(body);
  try {
    return readSegmentInformation(body.subarray(HEAD_BYTES + TAG_BYTES), nodeHashEngine).id;
  } catch {
    return undefined;
  }
}

/** The segments of a BATCHED_OFFER; empty where it is not made of whole descriptors. */
export function readDescriptors(body: Uint8Array): readonly Descriptor[] {
  const count = (body.length - HEAD_BYTES) / DESCRIPTOR_BYTES;
  if (!Number.isInteger(count) || count < 1) return [];
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  return Array.from({ length: count }, (_, i) => {
    const at = HEAD_BYTES + i * DESCRIPTOR_BYTES;
    return {
      blockSize: view.getUint32(at),
      segmentSize: view.getUint32(at + 4),
      tagSize: view.getUint16(at + 8),
      algorithm: view.getUint8(at + 26),
      id: body.slice(at + 27, at + DESCRIPTOR_BYTES),
    };
  });
}
