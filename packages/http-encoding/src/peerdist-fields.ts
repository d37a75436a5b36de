/**
 * The header fields that the `peerdist` content coding brings: X-P2P-PeerDist and X-P2P-PeerDistEx. [MS-PCCRTP] 2.2
 * Reading is lenient (any order, any spacing, any case) and never throws; writing is exact.
 */
import { readLength } from "./http-fields.ts";

/** Sent in lower case: Microsoft's test suite compares it exactly. */
export const PEERDIST = "peerdist";
export const X_P2P_PEERDIST = "X-P2P-PeerDist";
export const X_P2P_PEERDIST_EX = "X-P2P-PeerDistEx";

/** `major.minor`; of the coding in X-P2P-PeerDist, of the Content Information in X-P2P-PeerDistEx. */
export interface Version {
  readonly major: number;
  readonly minor: number;
}

export const VERSION_1_0: Version = { major: 1, minor: 0 };
export const VERSION_1_1: Version = { major: 1, minor: 1 };
export const VERSION_2_0: Version = { major: 2, minor: 0 };

/** Below, at or above 0, like any comparison for sorting. 1.23 is above 1.3. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor;
}

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
  readonly minContentInformation?: Version;
  readonly maxContentInformation?: Version;
  readonly makeHashRequest?: true;
  readonly hashRequest?: true;
  /** Min- or MaxContentInformation stands there, but cannot be read. */
  readonly malformed?: true;
}

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

export function formatPeerDist(params: PeerDistParams): string {
  const parts: string[] = [];
  if (params.version) parts.push(`Version=${formatVersion(params.version)}`);
  if (params.contentLengthBytes !== undefined) parts.push(`ContentLength=${params.contentLengthBytes}`);
  if (params.missingDataRequest !== undefined) parts.push(`MissingDataRequest=${params.missingDataRequest}`);
  return parts.join(", ");
}

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
