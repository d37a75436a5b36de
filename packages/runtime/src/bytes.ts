/** The few things everybody does with bytes. */

/** Joins copies of the parts into one new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

interface NativeBuffer {
  compare(a: Uint8Array, b: Uint8Array): number;
  from(
    buffer: ArrayBufferLike,
    offsetBytes: number,
    lengthBytes: number,
  ): { toString(encoding: "hex"): string };
}

/** Of Node.js, where there is one. */
const native = (globalThis as { Buffer?: NativeBuffer }).Buffer;

/** Not constant in time: for hashes and identifiers, which are no secrets to whoever compares them. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let i = 0;
  // Lists of hashes run to many kilobytes; identifiers are not worth two views.
  if (a.length > 256) {
    if (native) return native.compare(a, b) === 0;
    const [left, right] = [viewOf(a), viewOf(b)];
    for (; i + 4 <= a.length; i += 4) if (left.getUint32(i) !== right.getUint32(i)) return false;
  }
  for (; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower case, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  // What is put together piece by piece is kept in as many pieces.
  if (native) return native.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Value of each digit by its character code; 255 for what is none. */
const DIGIT = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 255 : value;
});

/** Reads upper and lower case. Undefined unless the text is an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = DIGIT[text.charCodeAt(2 * i)] ?? 255;
    const low = DIGIT[text.charCodeAt(2 * i + 1)] ?? 255;
    if (high === 255 || low === 255) return undefined;
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}
