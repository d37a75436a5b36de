/**
 * The header fields that the `peerdist` content coding brings: X-P2P-PeerDist and X-P2P-PeerDistEx. [MS-PCCRTP] 2.2
 * Reading is lenient (any order, any spacing, any case) and never throws; writing is exact.
 */
import { readLength } from "./http-fields.ts";

/** Sent in lower case: Microsoft's test suite compares it exactly. */
export const PEERDIST = "peerdist";
/**
 * Name of the field with the coding's version, the length of the content, and `MissingDataRequest`. [MS-PCCRTP]
 * 2.2
 */
export const X_P2P_PEERDIST = "X-P2P-PeerDist";
/**
 * Name of the field with the versions of Content Information that a client takes, and the two sides of asking
 * again for hashes: `MakeHashRequest`, `HashRequest`. [MS-PCCRTP] 2.2
 */
export const X_P2P_PEERDIST_EX = "X-P2P-PeerDistEx";

/** `major.minor`; of the coding in X-P2P-PeerDist, of the Content Information in X-P2P-PeerDistEx. */
export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** Of the coding: no Content Information but 1.0. Of Content Information: [MS-PCCRC] 2.3. */
export const VERSION_1_0: Version = { major: 1, minor: 0 };
/**
 * Of the coding: with X-P2P-PeerDistEx, so that versions of Content Information can be chosen. What our client
 * sends.
 */
export const VERSION_1_1: Version = { major: 1, minor: 1 };
/** Of Content Information: [MS-PCCRC] 2.4. The coding has no such version. */
export const VERSION_2_0: Version = { major: 2, minor: 0 };

/** Below, at or above 0, like any comparison for sorting. 1.23 is above 1.3. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor;
}

/** `1.1` for major 1 and minor 1. */
export function formatVersion(version: Version): string {
  return `${version.major}.${version.minor}`;
}

/** Undefined for anything but digits, a dot and digits, each number below 10^9. */
export function parseVersion(text: string): Version | undefined {
  const match = /^0{0,32}(\d{1,9})\.0{0,32}(\d{1,9})$/.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

/** X-P2P-PeerDist. A parameter that is absent, malformed or given twice with two meanings is undefined. */
export interface PeerDistParams {
  readonly version?: Version;
  /** Octets of the entity body before the coding. */
  readonly contentLengthBytes?: number;
  /** True for any value but `false`, which only the draft's grammar has. */
  readonly missingDataRequest?: boolean;
}

/** X-P2P-PeerDistEx. */
export interface PeerDistExParams {
  /** The lowest version of Content Information that the client takes: 1.0. */
  readonly minContentInformation?: Version;
  /** The highest: 1.0 or 2.0. */
  readonly maxContentInformation?: Version;
  /** Of a server: hashes are being made, ask once more. */
  readonly makeHashRequest?: true;
  /** Of a client: that second request, which asks for hashes alone. */
  readonly hashRequest?: true;
  /** Min- or MaxContentInformation stands there, but cannot be read. */
  readonly malformed?: true;
}

/** Reads a value of X-P2P-PeerDist. Unknown parameters are ignored; it never throws. */
export function parsePeerDist(text: string): PeerDistParams {
  const params = readParams(text);
  const version = readVersion(params.get("version"));
  const contentLengthBytes = readLength(params.get("contentlength"));
  const missing = params.get("missingdatarequest");
  return {
    ...(version && { version }),
    ...(contentLengthBytes !== undefined && { contentLengthBytes }),
    ...(missing !== undefined && { missingDataRequest: missing.toLowerCase() !== "false" }),
  };
}

/**
 * A value of X-P2P-PeerDist: those parameters that are there, `Version=1.1, ContentLength=5000`. Empty without
 * any.
 */
export function formatPeerDist(params: PeerDistParams): string {
  const parts: string[] = [];
  if (params.version) parts.push(`Version=${formatVersion(params.version)}`);
  if (params.contentLengthBytes !== undefined) parts.push(`ContentLength=${params.contentLengthBytes}`);
  if (params.missingDataRequest !== undefined) parts.push(`MissingDataRequest=${params.missingDataRequest}`);
  return parts.join(", ");
}

/** Reads a value of X-P2P-PeerDistEx. Unknown parameters are ignored; it never throws. */
export function parsePeerDistEx(text: string): PeerDistExParams {
  const params = readParams(text);
  const min = params.get("mincontentinformation");
  const max = params.get("maxcontentinformation");
  const minVersion = readVersion(min);
  const maxVersion = readVersion(max);
  const isTrue = (name: string) => params.get(name)?.toLowerCase() === "true";
  return {
    ...(minVersion && { minContentInformation: minVersion }),
    ...(maxVersion && { maxContentInformation: maxVersion }),
    ...(isTrue("makehashrequest") && { makeHashRequest: true as const }),
    ...(isTrue("hashrequest") && { hashRequest: true as const }),
    ...(((min !== undefined && !minVersion) || (max !== undefined && !maxVersion)) && {
      malformed: true as const,
    }),
  };
}

/**
 * A value of X-P2P-PeerDistEx: those parameters that are there, `MinContentInformation=1.0,
 * MaxContentInformation=2.0`. Empty without any.
 */
export function formatPeerDistEx(params: PeerDistExParams): string {
  const parts: string[] = [];
  const { minContentInformation: min, maxContentInformation: max } = params;
  if (min) parts.push(`MinContentInformation=${formatVersion(min)}`);
  if (max) parts.push(`MaxContentInformation=${formatVersion(max)}`);
  if (params.makeHashRequest) parts.push("MakeHashRequest=true");
  if (params.hashRequest) parts.push("HashRequest=true");
  return parts.join(", ");
}

function readVersion(text: string | undefined): Version | undefined {
  return text === undefined ? undefined : parseVersion(text);
}

/** `1#name=value` with names in lower case. Said twice with two values, a parameter's value is "?". */
function readParams(text: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (const element of text.split(",")) {
    const at = element.indexOf("=");
    if (at < 0) continue;
    const name = element.slice(0, at).trim().toLowerCase();
    const value = element.slice(at + 1).trim();
    const known = params.get(name);
    params.set(name, known === undefined || known === value ? value : "?");
  }
  return params;
}
