/** Message identifiers and endpoint addresses: mostly `urn:uuid:`, sometimes `uuid:` or bare. */
import type { Random } from "../ports.ts";

const UUID = /^(?:urn:)?(?:uuid:)?\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$/i;

/** The spelling that nearly all programs use. */
const CANONICAL = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const PATTERN = "urn:uuid:00000000-0000-0000-0000-000000000000";
const PREFIX = "urn:uuid:";
const DASH = 0x2d;
const DASH_PLACES = Array.from(PATTERN.matchAll(/-/g), ({ index }) => index);
/** Indices of the hexadecimal digits in `PATTERN`, two for each byte. */
const DIGIT_PLACES = Array.from(PATTERN.matchAll(/0/g), ({ index }) => index);
const DIGITS = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
/** Overwritten for each new UUID: joining a string from many pieces costs several times as much. */
const codes = Array.from(PATTERN, (character) => character.charCodeAt(0));
const PATTERN_BYTES = Uint8Array.from(codes);
const keyCodes = new Array<number>(8).fill(0);

export const UUID_URN_LENGTH = PATTERN.length;

/** `urn:uuid:` and a version 4 UUID in lower case. RFC 9562 5.4. */
export function newUuidUrn(random: Random): string {
  writeDigits(random, codes, 0);
  return String.fromCharCode(...codes);
}

/** Writes the same as ASCII, `UUID_URN_LENGTH` bytes from `startsAt` on. */
export function writeNewUuidUrn(random: Random, into: Uint8Array, startsAt: number): void {
  into.set(PATTERN_BYTES, startsAt);
  writeDigits(random, into, startsAt);
}

function writeDigits(random: Random, into: Uint8Array | number[], startsAt: number): void {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  for (let i = 0; i < 16; i++) {
    const byte = bytes[i] ?? 0;
    into[startsAt + DIGIT_PLACES[2 * i]!] = DIGITS[byte >> 4]!;
    into[startsAt + DIGIT_PLACES[2 * i + 1]!] = DIGITS[byte & 15]!;
  }
}

/** Value of a hexadecimal digit by its character code; 255 for everything else. */
const DIGIT_VALUES = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 255 : value;
});

/**
 * A key for tables, the same for all spellings of one UUID: 8 characters in place of 45. It is a new string, so it does
 * not keep the text of a whole datagram alive, of which `uri` may be a slice.
 */
export function identifierKey(uri: string): string {
  // The last is for what is no UUID: longer than any key of a UUID, and a new string as well.
  return uuidKey(uri) ?? uuidKey(canonicalUri(uri)) ?? `identifier ${uri}`;
}

/** Sixteen bits of the UUID in each character. Undefined unless it is spelt `urn:uuid:…`, digits in either case. */
function uuidKey(uri: string): string | undefined {
  if (uri.length !== PATTERN.length || !uri.startsWith(PREFIX)) return undefined;
  for (const place of DASH_PLACES) if (uri.charCodeAt(place) !== DASH) return undefined;
  for (let i = 0; i < 8; i++) {
    let value = 0;
    for (let digit = 4 * i; digit < 4 * i + 4; digit++) {
      const four = DIGIT_VALUES[uri.charCodeAt(DIGIT_PLACES[digit]!)] ?? 255;
      if (four > 15) return undefined;
      value = (value << 4) | four;
    }
    keyCodes[i] = value;
  }
  return String.fromCharCode(...keyCodes);
}

/** `urn:uuid:` and lower case for every spelling of a UUID; anything else as it is. */
export function canonicalUri(uri: string): string {
  if (CANONICAL.test(uri)) return uri;
  const uuid = UUID.exec(uri)?.[1];
  return uuid === undefined ? uri : `urn:uuid:${uuid.toLowerCase()}`;
}
