/** Which application a segment came through: 16 opaque bytes, for statistics. [MS-PCHC] 3.2.1 */
import { equalBytes, toHex } from "@branchcache/runtime";
import { CONTENT_TAG_BYTES } from "./limits.ts";

/** What Windows' file sharing sends. [MS-PCHC] note 8 */
export const SMB_TAG: Uint8Array = Uint8Array.of(
  ...[0x35, 0xdb, 0x04, 0x5d, 0x14, 0x23, 0x45, 0x53],
  ...[0xa0, 0x51, 0x0d, 0xc2, 0xe1, 0x5e, 0x6c, 0x4c],
);

/** Ours for everything that comes over HTTP. */
export const HTTP_TAG: Uint8Array = contentTag("BranchCache-HTTP");

/** An ASCII name of up to 16 characters with NULs behind it. Throws `RangeError` for another one. */
export function contentTag(name: string): Uint8Array {
  if (!/^[\x21-\x7e]{1,16}$/.test(name)) throw new RangeError(`${JSON.stringify(name)} is no content tag`);
  const tag = new Uint8Array(CONTENT_TAG_BYTES);
  for (let i = 0; i < name.length; i++) tag[i] = name.charCodeAt(i);
  return tag;
}

/** Throws `RangeError` for a tag that has not 16 bytes. */
export function copyOfTag(tag: Uint8Array): Uint8Array {
  if (tag.length !== CONTENT_TAG_BYTES)
    throw new RangeError(`a content tag has ${CONTENT_TAG_BYTES} bytes, not ${tag.length}`);
  return tag.slice();
}

/** A name to count and flush by: the ASCII before the first NUL, `SMB`, or else hexadecimal digits. */
export function contentTagName(tag: Uint8Array): string {
  const end = tag.indexOf(0);
  const text = String.fromCharCode(...tag.subarray(0, end < 0 ? tag.length : end));
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  return equalBytes(tag, SMB_TAG) ? "SMB" : toHex(tag);
}
