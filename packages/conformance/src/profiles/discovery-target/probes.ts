/** Probes as they should be, and as they should not. Independent of our own writer. [MS-PCCRD] 2.2 */
import { concatBytes, type Random, randomUuid, toHex } from "@branchcache/runtime";
import { MATCH_BY, PEERDIST_NAMESPACE, TYPE_NAME } from "../../kit/discovery-names.ts";
import { u16 } from "../../kit/integers.ts";

const SOAP = "http://www.w3.org/2003/05/soap-envelope";
const WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery";

export interface ProbeParts {
  /** Text of wsd:Types; undefined leaves the element out. */
  readonly types?: string | undefined;
  /** Text of wsd:Scopes, in place of the identifiers. */
  readonly scopes?: string;
  /** Default: the rule of the format. */
  readonly matchBy?: string;
  /** Prefixes for SOAP, WS-Addressing, WS-Discovery and PeerDist. */
  readonly prefixes?: readonly [string, string, string, string];
  /** Put in as they are, at the end of header and probe. */
  readonly inHeader?: string;
  readonly inProbe?: string;
  /** Put in front of the envelope. */
  readonly prolog?: string;
}

export interface SentProbe {
  readonly messageId: string;
  readonly bytes: Uint8Array;
}

/** A probe of that format for these segments, with changes. */
export function probe(
  random: Random,
  version: 1 | 2,
  ids: readonly Uint8Array[],
  changes: ProbeParts = {},
): SentProbe {
  const { inHeader = "", inProbe = "", matchBy = MATCH_BY[version], prolog = "" } = changes;
  const [s, a, d, p] = changes.prefixes ?? ["soap", "wsa", "wsd", "PeerDist"];
  const types = "types" in changes ? changes.types : `${p}:${TYPE_NAME[version]}`;
  const scopes = changes.scopes ?? (version === 1 ? hexScopes(ids) : base64Scope(ids));
  const messageId = `urn:uuid:${randomUuid(random)}`;
  const text =
    `<?xml version="1.0" encoding="utf-8"?>${prolog}` +
    `<${s}:Envelope xmlns:${s}="${SOAP}" xmlns:${a}="${WSA}" xmlns:${d}="${WSD}" xmlns:${p}="${PEERDIST_NAMESPACE}">` +
    `<${s}:Header><${a}:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</${a}:To>` +
    `<${a}:Action>${WSD}/Probe</${a}:Action><${a}:MessageID>${messageId}</${a}:MessageID>${inHeader}</${s}:Header>` +
    `<${s}:Body><${d}:Probe>${types === undefined ? "" : `<${d}:Types>${types}</${d}:Types>`}` +
    `<${d}:Scopes MatchBy="${matchBy}">${scopes}</${d}:Scopes>${inProbe}</${d}:Probe></${s}:Body></${s}:Envelope>`;
  return { messageId, bytes: new TextEncoder().encode(text) };
}

export const hexScopes = (ids: readonly Uint8Array[]): string =>
  ids.map((id) => toHex(id).toUpperCase()).join(" ");

/** [MS-PCCRD] 2.2.3.3; size and count where they are to differ from the identifiers. */
export function base64Scope(
  ids: readonly Uint8Array[],
  {
    size = ids[0]?.length ?? 0,
    count = ids.length,
  }: { readonly size?: number; readonly count?: number } = {},
): string {
  return Buffer.from(concatBytes(u16(size), Uint8Array.of(count), ...ids)).toString("base64");
}
