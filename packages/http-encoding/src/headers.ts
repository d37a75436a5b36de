/**
 * The header fields of the `peerdist` content coding. [MS-PCCRTP] 2.2
 * Reading is lenient (any order, any spacing, any case) and never throws; writing is exact.
 */

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

/**
 * Codings in lower case with their q-value from 0 to 1. RFC 9110 12.5.3
 * A coding with a malformed weight counts as refused, one listed twice has its lower weight.
 */
export function parseAcceptEncoding(text: string): ReadonlyMap<string, number> {
  const codings = new Map<string, number>();
  for (const element of text.split(",")) {
    const [name = "", ...params] = element.split(";").map((part) => part.trim().toLowerCase());
    if (name === "") continue;
    let weight = 1;
    for (const param of params) {
      const at = param.indexOf("=");
      if (at < 0 || param.slice(0, at).trim() !== "q") continue;
      const value = param.slice(at + 1).trim();
      weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : 0;
    }
    codings.set(name, Math.min(weight, codings.get(name) ?? 1));
  }
  return codings;
}

/** The codings applied, in lower case and in the order they were applied, without `identity`. RFC 9110 8.4 */
export function parseContentEncoding(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
}

export interface ContentRangeField {
  /** Up to, but not including, `endBytes`. */
  readonly startBytes: number;
  readonly endBytes: number;
  /** Undefined where the field says `*`. */
  readonly totalBytes: number | undefined;
}

/** One satisfied byte range. RFC 9110 14.4. Undefined for other units, `bytes * /n` and contradictions. */
export function parseContentRange(text: string): ContentRangeField | undefined {
  const match = /^\s{0,8}bytes\s{1,8}(\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)\s{0,8}$/i.exec(text);
  if (!match) return undefined;
  const startBytes = Number(match[1]);
  const endBytes = Number(match[2]) + 1;
  const totalBytes = match[3] === "*" ? undefined : Number(match[3]);
  const sane =
    Number.isSafeInteger(endBytes) &&
    startBytes < endBytes &&
    (totalBytes === undefined || (Number.isSafeInteger(totalBytes) && endBytes <= totalBytes));
  return sane ? { startBytes, endBytes, totalBytes } : undefined;
}

/** A whole number of octets; undefined if it is none, or over 2^53 - 1. */
export function readLength(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,32}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
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
