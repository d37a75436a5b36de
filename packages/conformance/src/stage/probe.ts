/** What a client asks the link: a Probe as it came, and the identifiers in it. [MS-PCCRD] 2.2 */
import { type Endpoint, fromHex } from "@branchcache/runtime";
import { type DiscoveryMessage, readMessage } from "dgram-ws-discovery";
import { PEERDIST_NAMESPACE, TYPE_NAME } from "../kit/discovery-names.ts";
import type { ContentVersion } from "./content.ts";

/** A Probe that came. [MS-PCCRD] 2.2 */
export interface SeenProbe {
  readonly datagram: Uint8Array;
  readonly from: Endpoint;
  /** `monotonicMs` of the stage's clock. */
  readonly atMs: number;
  readonly message: Extract<DiscoveryMessage, { kind: "Probe" }>;
  /** By its Types; undefined for a probe of another service. */
  readonly format: ContentVersion | undefined;
  /** Identifiers of the segments it asks for; empty where the scopes cannot be read. */
  readonly ids: readonly Uint8Array[];
}

/** Undefined for anything but a Probe. */
export function readProbe(datagram: Uint8Array, from: Endpoint, atMs: number): SeenProbe | undefined {
  let message: DiscoveryMessage;
  try {
    message = readMessage(datagram);
  } catch {
    return undefined;
  }
  if (message.kind !== "Probe") return undefined;
  const types = message.probe.types ?? [];
  const has = (version: ContentVersion) =>
    types.some((name) => name.uri === PEERDIST_NAMESPACE && name.local === TYPE_NAME[version]);
  const format = has(1) ? 1 : has(2) ? 2 : undefined;
  const scopes = message.probe.scopes ?? [];
  const ids = format === 1 ? hexIds(scopes) : format === 2 ? packedIds(scopes) : [];
  return { datagram, from, atMs, message, format, ids };
}

function hexIds(scopes: readonly string[]): readonly Uint8Array[] {
  const ids = scopes.map(fromHex);
  return ids.every((id) => id !== undefined) ? (ids as Uint8Array[]) : [];
}

/** SegmentHashSize, SegmentHashCount, identifiers. 2.2.3.3 */
function packedIds(scopes: readonly string[]): readonly Uint8Array[] {
  const [text = ""] = scopes;
  const bytes = Buffer.from(text, "base64");
  if (scopes.length !== 1 || bytes.length < 3) return [];
  const size = bytes.readUInt16BE(0);
  const count = bytes.readUInt8(2);
  if (size === 0 || bytes.length !== 3 + size * count) return [];
  return Array.from(
    { length: count },
    (_, i) => new Uint8Array(bytes.subarray(3 + i * size, 3 + (i + 1) * size)),
  );
}
