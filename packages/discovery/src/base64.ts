/** Base64 in the standard alphabet with padding, RFC 4648 section 4, by hand: each probe and answer of format 2.0 has some. */
import { allocateBytes } from "dgram-ws-discovery/profile";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING = "=";

/** The value of each digit by its character code; 255 for a character that is no digit. */
const SIX_BITS = new Uint8Array(256).fill(255);
for (let value = 0; value < 64; value++) SIX_BITS[ALPHABET.charCodeAt(value)] = value;

const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
/** Of the digit whose value is 0. */
const ZERO_CODE = ALPHABET.charCodeAt(0);
const PADDING_CODE = PADDING.charCodeAt(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** A buffer for the text as ASCII: bytes are read and written several times as fast as characters of a string. */
let codes = new Uint8Array(2_048);

function makeRoom(length: number): void {
  if (codes.length < length) codes = new Uint8Array(2 * length);
}

/** The first `length` bytes as base64. */
export function toBase64(bytes: Uint8Array, length: number = bytes.length): string {
  const textLength = 4 * Math.ceil(length / 3);
  makeRoom(textLength);
  for (let at = 0, i = 0; at < length; at += 3, i += 4) {
    const second = at + 1 < length ? bytes[at + 1]! : 0;
    const third = at + 2 < length ? bytes[at + 2]! : 0;
    const bits = (bytes[at]! << 16) | (second << 8) | third;
    codes[i] = CODES[bits >> 18]!;
    codes[i + 1] = CODES[(bits >> 12) & 63]!;
    codes[i + 2] = CODES[(bits >> 6) & 63]!;
    codes[i + 3] = CODES[bits & 63]!;
  }
  codes.fill(PADDING_CODE, textLength - ((3 - (length % 3)) % 3), textLength);
  return decoder.decode(codes.subarray(0, textLength));
}

/**
 * Undefined for anything but whole groups of four characters of the alphabet, without white space. The bytes are new;
 * they may be a view of a larger buffer, as `allocateBytes` gives it.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  const { length } = text;
  if (length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith(PADDING) ? 1 : 0;
  makeRoom(length);
  const { read, written } = encoder.encodeInto(text, codes);
  if (read !== length || written !== length) return undefined;
  codes.fill(ZERO_CODE, length - padding, length);
  const bytes = allocateBytes((length / 4) * 3 - padding);
  // All values or-ed together: above 63 if any character is no digit.
  let values = 0;
  for (let i = 0, at = 0; i < length; i += 4, at += 3) {
    const a = SIX_BITS[codes[i]!]!;
    const b = SIX_BITS[codes[i + 1]!]!;
    const c = SIX_BITS[codes[i + 2]!]!;
    const d = SIX_BITS[codes[i + 3]!]!;
    values |= a | b | c | d;
    const bits = (a << 18) | (b << 12) | (c << 6) | d;
    // Writes past the end of a typed array do nothing.
    bytes[at] = bits >> 16;
    bytes[at + 1] = bits >> 8;
    bytes[at + 2] = bits;
  }
  return values > 63 ? undefined : bytes;
}
