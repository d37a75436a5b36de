/** Requests, right ones and malformed ones, written for the kit alone: it does not share an error with our encoder. */
import { concatBytes, type Random } from "@branchcache/runtime";
import { u16, u32 } from "../../kit/integers.ts";

export interface HeaderChanges {
  readonly minor?: number;
  readonly major?: number;
  readonly type?: number;
  /** What MsgSize is too much. */
  readonly sizeError?: number;
  readonly cipher?: number;
}

/** MESSAGE_HEADER and body. [MS-PCCRR] 2.2.3 */
export function message(type: number, body: Uint8Array, changes: HeaderChanges = {}): Uint8Array {
  const { minor = 0, major = type >= 6 ? 2 : 1, sizeError = 0, cipher = 1 } = changes;
  const header = [
    u16(minor),
    u16(major),
    u32(changes.type ?? type),
    u32(16 + body.length + sizeError),
    u32(cipher),
  ];
  return concatBytes(...header, body);
}

export interface Range {
  readonly index: number;
  readonly count: number;
}

const padding = (lengthBytes: number) => new Uint8Array((4 - (lengthBytes % 4)) % 4);
export const segmentId = (id: Uint8Array): Uint8Array => concatBytes(u32(id.length), id, padding(id.length));
const ranges = (list: readonly Range[], count = list.length) =>
  concatBytes(u32(count), ...list.flatMap(({ index, count: length }) => [u32(index), u32(length)]));

/** 2.2.4.1; versions as major and minor number. */
export function negoRequest(min: readonly [number, number], max: readonly [number, number]): Uint8Array {
  return message(0, concatBytes(u16(min[1]), u16(min[0]), u16(max[1]), u16(max[0])));
}

/** 2.2.4.2; `count` where it is to differ from the ranges that follow. */
export function getBlockList(id: Uint8Array, list: readonly Range[], count?: number): Uint8Array {
  return message(2, concatBytes(segmentId(id), ranges(list, count)));
}

/** 2.2.4.3 */
export function getBlocks(
  id: Uint8Array,
  list: readonly Range[],
  options: { readonly verification?: Uint8Array; readonly header?: HeaderChanges } = {},
): Uint8Array {
  const { verification = new Uint8Array(0), header } = options;
  return message(3, concatBytes(segmentId(id), ranges(list), u32(verification.length), verification), header);
}

/** 2.2.4.4; `count` where it is to differ from the identifiers that follow. */
export function getSegmentList(
  random: Random,
  ids: readonly Uint8Array[],
  options: { readonly count?: number; readonly blob?: Uint8Array } = {},
): { readonly requestId: Uint8Array; readonly bytes: Uint8Array } {
  const requestId = random.bytes(16);
  const { count = ids.length, blob = new Uint8Array(0) } = options;
  const body = concatBytes(requestId, u32(count), ...ids.map(segmentId), u32(blob.length), blob);
  return { requestId, bytes: message(6, body) };
}
