/** The header that a balancer puts in front of a connection to tell whose it is: PROXY protocol 1 and 2. */
import { isIP } from "node:net";

export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: "more" }
  | {
      readonly kind: "header";
      /** Of the header; the client's own bytes follow. */
      readonly lengthBytes: number;
      /** Undefined where the balancer speaks for itself, as in its health checks. */
      readonly source: { readonly address: string; readonly port: number } | undefined;
    }
  | { readonly kind: "malformed" };

const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);
const MORE: ProxyHeader = { kind: "more" };
const MALFORMED: ProxyHeader = { kind: "malformed" };
/** The longest line of version 1, and as much of version 2 as addresses and a few additions need. */
const MAX_LINE_BYTES = 107;
const MAX_BINARY_BYTES = 16 + 1_024;

/** Reads the start of what came. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (bytes.length === 0) return MORE;
  return bytes[0] === SIGNATURE[0] ? parseBinary(bytes) : parseLine(bytes);
}

function parseLine(bytes: Uint8Array): ProxyHeader {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_LINE_BYTES)).toString(
    "latin1",
  );
  if (!head.startsWith("PROXY ".slice(0, head.length))) return MALFORMED;
  const end = head.indexOf("\r\n");
  if (end < 0) return bytes.length < MAX_LINE_BYTES ? MORE : MALFORMED;
  const lengthBytes = end + 2;
  const [, family, source = "", destination = "", port = "", ...rest] = head.slice(0, end).split(" ");
  if (family === "UNKNOWN") return { kind: "header", lengthBytes, source: undefined };
  const version = family === "TCP4" ? 4 : family === "TCP6" ? 6 : undefined;
  const isAddress = isIP(source) === version && isIP(destination) === version;
  if (version === undefined || !isAddress || rest.length !== 1 || !/^\d{1,5}$/.test(port)) return MALFORMED;
  return { kind: "header", lengthBytes, source: { address: source, port: Number(port) } };
}

function parseBinary(bytes: Uint8Array): ProxyHeader {
  for (let i = 0; i < Math.min(bytes.length, SIGNATURE.length); i++) {
    if (bytes[i] !== SIGNATURE[i]) return MALFORMED;
  }
  if (bytes.length < 16) return MORE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const versionAndCommand = view.getUint8(12);
  const lengthBytes = 16 + view.getUint16(14);
  if (versionAndCommand >> 4 !== 2 || lengthBytes > MAX_BINARY_BYTES) return MALFORMED;
  const command = versionAndCommand & 15;
  if (command > 1) return MALFORMED;
  if (bytes.length < lengthBytes) return MORE;
  const family = view.getUint8(13);
  if (command === 0) return { kind: "header", lengthBytes, source: undefined };
  if (family === 0x11 && lengthBytes >= 28) {
    const address = bytes.subarray(16, 20).join(".");
    return { kind: "header", lengthBytes, source: { address, port: view.getUint16(24) } };
  }
  if (family === 0x21 && lengthBytes >= 52) {
    const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(16 + 2 * i).toString(16));
    return { kind: "header", lengthBytes, source: { address: groups.join(":"), port: view.getUint16(48) } };
  }
  return family === 0 ? { kind: "header", lengthBytes, source: undefined } : MALFORMED;
}
