/** How many identifiers fit into a probe that is not fragmented. */
import { writeMessage } from "dgram-ws-discovery";
import { FORMATS, type FormatVersion, PREFIXES } from "../formats.ts";
import { MAX_IDS_IN_PROBE } from "../limits.ts";

/** At least 1, at most 255, for identifiers of `idBytes` in a datagram of `payloadBytes`. */
export function idsPerProbe(version: FormatVersion, idBytes: number, payloadBytes: number): number {
  const room = payloadBytes - envelopeBytes(version);
  const count =
    version === 1
      ? // Two digits a byte, and a space between any two.
        Math.floor((room + 1) / (2 * idBytes + 1))
      : // Three bytes become four characters; size and count stand before the identifiers.
        Math.floor((3 * Math.floor(room / 4) - 3) / idBytes);
  return Math.min(Math.max(count, 1), MAX_IDS_IN_PROBE);
}

const ENVELOPE_BYTES: Partial<Record<FormatVersion, number>> = {};

/** The length of a probe without the text of its scope. */
function envelopeBytes(version: FormatVersion): number {
  const known = ENVELOPE_BYTES[version];
  if (known !== undefined) return known;
  const { type, matchBy } = FORMATS[version];
  const messageId = "urn:uuid:00000000-0000-4000-8000-000000000000";
  const probe = { types: [type], scopes: ["x"], matchBy };
  const message = writeMessage(
    { version: "2005/04", kind: "Probe", messageId, probe },
    { prefixes: PREFIXES },
  );
  ENVELOPE_BYTES[version] = message.length - 1;
  return message.length - 1;
}
