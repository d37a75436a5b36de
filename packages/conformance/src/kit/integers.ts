/** Unsigned numbers, big-endian: written, and read at an offset (`RangeError` past the end). */
import { concatBytes } from "@branchcache/runtime";

export const u16 = (value: number): Uint8Array => Uint8Array.of((value >>> 8) & 0xff, value & 0xff);
export const u32 = (value: number): Uint8Array => concatBytes(u16(value >>> 16), u16(value & 0xffff));

const viewOf = ({ buffer, byteOffset, length }: Uint8Array) => new DataView(buffer, byteOffset, length);
export const u16At = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint16(at);
export const u32At = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint32(at);
