/** Standard alphabet with padding. RFC 4648 4. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING = "=";

/** Six bits of each character by its code; 255 for what is none. */
const SIX_BITS = new Uint8Array(128).fill(255);
for (let value = 0; value < 64; value++) SIX_BITS[ALPHABET.charCodeAt(value)] = value;

export function toBase64(bytes: Uint8Array): string {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

/**
 * Undefined for anything but whole groups of the standard alphabet; white space must be gone already. By hand: every
 * version 2.0 probe on the link comes through here, and what `atob` gives is half the way.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith(PADDING) ? 1 : 0;
  const digits = text.length - padding;
  const bytes = new Uint8Array((digits * 3) >> 2);
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    const six = SIX_BITS[text.charCodeAt(i)] ?? 255;
    if (six === 255) return undefined;
    bits = (bits << 6) | six;
    const held = (6 * (i + 1)) & 7;
    if (held !== 6) bytes[at++] = (bits >> held) & 0xff;
  }
  return bytes;
}
