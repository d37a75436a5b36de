/** From the server's secret to the identifiers peers look segments up by. [MS-PCCRC] 2.2, 2.5 */
import type { HashEngine } from "./hash-engine.ts";
import type { HashAlgorithm, HashOfData, SegmentId, SegmentSecret } from "./types.ts";

/**
 * C2: UTF-16LE "MS_P2P_CACHING" with a 16-bit NUL. The text of 2.2 says ASCII; Windows' own identifiers
 * come out only with this.
 */
const ID_SUFFIX = utf16le("MS_P2P_CACHING\0");

/** The bytes of a string as Windows keeps it: 2 bytes a unit, little-endian, no NUL added. */
export function utf16le(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit & 0xff;
    bytes[2 * i + 1] = unit >>> 8;
  }
  return bytes;
}

/** Kp = HMAC(Ks, HoD). `serverKey` is Ks. [MS-PCCRC] 2.2 */
export function deriveSegmentSecret(
  engine: HashEngine,
  algorithm: HashAlgorithm,
  serverKey: Uint8Array,
  hashOfData: HashOfData,
): SegmentSecret {
  return engine.hmac(algorithm, serverKey, hashOfData);
}

/** HoHoDk = HMAC(Kp, HoD ‖ C2): the public identifier. [MS-PCCRC] 2.2 */
export function deriveSegmentId(
  engine: HashEngine,
  algorithm: HashAlgorithm,
  secret: SegmentSecret,
  hashOfData: HashOfData,
): SegmentId {
  return engine.hmac(algorithm, secret, hashOfData, ID_SUFFIX);
}
