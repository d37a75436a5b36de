/** Message identifiers and endpoint addresses: mostly `urn:uuid:`, sometimes `uuid:` or bare. */
import type { Random } from "../ports.ts";

const UUID = /^(?:urn:)?(?:uuid:)?\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$/i;

/** How nearly everybody writes it. */
const CANONICAL = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** `urn:uuid:` and a version 4 UUID in lower case. RFC 9562 5.4. */
export function newUuidUrn(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  let text = "urn:uuid:";
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += HEX[bytes[i] ?? 0];
  }
  return text;
}

/** One spelling for all that mean the same UUID; anything else stays as it is. Key of every table. */
export function canonicalUri(uri: string): string {
  if (CANONICAL.test(uri)) return uri;
  const uuid = UUID.exec(uri)?.[1];
  return uuid === undefined ? uri : `urn:uuid:${uuid.toLowerCase()}`;
}
