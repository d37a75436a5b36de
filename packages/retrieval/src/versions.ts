/** Which version both sides speak. [MS-PCCRR] 3.1.5.1 */
import type { ProtocolVersion } from "./messages/header.ts";

/** Lowest and highest protocol version that one side speaks, both included. */
export interface VersionRange {
  readonly min: ProtocolVersion;
  readonly max: ProtocolVersion;
}

/** 1.0 to 2.0. */
export const SUPPORTED: VersionRange = { min: { major: 1, minor: 0 }, max: { major: 2, minor: 0 } };

/**
 * The highest major version in both ranges; undefined if there is none. Minor versions do not matter:
 * each side uses its own highest inside the common major version.
 */
export function commonMajor(ours: VersionRange, theirs: VersionRange): number | undefined {
  const major = Math.min(ours.max.major, theirs.max.major);
  return major >= ours.min.major && major >= theirs.min.major ? major : undefined;
}
