/** Probes in both formats. [MS-PCCRD] 2.2.2.1 */
import { fromHex, toHex } from "@branchcache/runtime";
import type { Probe } from "dgram-ws-discovery";
import { detachText } from "dgram-ws-discovery/profile";
import { FORMATS, type FormatVersion, formatOf } from "../formats.ts";
import { MAX_IDS_IN_PROBE } from "../limits.ts";
import { readProbeScope, writeProbeScope } from "./binary.ts";

/** A probe for 1 to 255 segments; in version 2.0 all of one size. */
export function peerProbe(version: FormatVersion, ids: readonly Uint8Array[]): Probe {
  const { type, matchBy } = FORMATS[version];
  const scopes = version === 1 ? ids.map((id) => toHex(id).toUpperCase()) : [writeProbeScope(ids)];
  return { types: [type], scopes, matchBy };
}

/** Identifiers that are made into arrays only when asked for: many probes wait at a time, and arrays take memory. */
interface IdList {
  readonly length: number;
  slice(start?: number, end?: number): Uint8Array[];
}

export interface PeerProbe {
  readonly version: FormatVersion;
  readonly ids: IdList;
  /** Version 1.0: each identifier as the probe wrote it, for the answer to echo. */
  readonly texts: readonly string[];
}

const NO_TEXTS: readonly string[] = [];

/** Identifiers in hexadecimal digits, as format 1.0 writes them; a waiting probe keeps them as text only. */
class HexIds implements IdList {
  readonly length: number;
  readonly #texts: readonly string[];
  /** The same as bytes, where they have been read already. */
  readonly #read: readonly Uint8Array[] | undefined;

  constructor(texts: readonly string[], read?: readonly Uint8Array[]) {
    this.length = texts.length;
    this.#texts = texts;
    this.#read = read;
  }

  slice(start?: number, end?: number): Uint8Array[] {
    if (this.#read) return this.#read.slice(start, end);
    return this.#texts.slice(start, end).map((text) => fromHex(text) ?? new Uint8Array(0));
  }
}

/** The same probe, to be kept while it waits for its answer: it does not keep the datagram alive. */
export function keepable(probe: PeerProbe): PeerProbe {
  if (probe.version === 2) return probe;
  const texts = probe.texts.map(detachText);
  return { version: 1, ids: new HexIds(texts), texts };
}

/** `foreign`: for another service. `malformed`: for ours, to be dropped without an answer. [MS-PCCRD] 3.2.4.1 */
export function readPeerProbe(probe: Probe): PeerProbe | "foreign" | "malformed" {
  const version = formatOf(probe.types);
  if (version === undefined) return "foreign";
  // All types asked for have to match, and there is one of each format. WSD05 5.1
  const { local, uri } = FORMATS[version].type;
  if (probe.types?.some((type) => type.local !== local || type.uri !== uri)) return "foreign";
  if (probe.matchBy !== FORMATS[version].matchBy) return "foreign";
  const scopes = probe.scopes ?? [];
  return (version === 1 ? readHexScopes(scopes) : readBinaryScope(scopes)) ?? "malformed";
}

function readHexScopes(scopes: readonly string[]): PeerProbe | undefined {
  const texts = scopes.length > 1 ? [...new Set(scopes)].slice(0, MAX_IDS_IN_PROBE) : scopes;
  const ids: Uint8Array[] = [];
  for (const text of texts) {
    const id = fromHex(text);
    if (!id) return undefined;
    ids.push(id);
  }
  return ids.length > 0 ? { version: 1, ids: new HexIds(texts, ids), texts } : undefined;
}

/** Several scopes are one base64 value with white space in it. */
function readBinaryScope(scopes: readonly string[]): PeerProbe | undefined {
  const [only = "", ...others] = scopes;
  const ids = readProbeScope(others.length === 0 ? only : scopes.join(""));
  return ids && { version: 2, ids, texts: NO_TEXTS };
}
