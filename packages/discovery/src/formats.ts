/** Fixed values of both message formats. [MS-PCCRD] 2.2.1 to 2.2.3 */
import { type QName, VERSIONS } from "dgram-ws-discovery";

export const PEERDIST = "http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery";

/** The prefix that clients look for that read answers as text; beside `soap`, `wsa` and `wsd`, which are always written. */
export const PREFIXES: Readonly<Record<string, string>> = { PeerDist: PEERDIST };

/**
 * Version of a probe and its answers: 1 for segments of Content Information 1.0, 2 for those of 2.0. [MS-PCCRD]
 * 2.2
 */
export type FormatVersion = 1 | 2;

interface Format {
  readonly type: QName;
  readonly matchBy: string;
  readonly metadataVersion: number;
}

export const FORMATS: Readonly<Record<FormatVersion, Format>> = {
  1: {
    type: { uri: PEERDIST, local: "PeerDistData" },
    matchBy: `${VERSIONS["2005/04"].discovery}/strcmp0`,
    metadataVersion: 1,
  },
  2: {
    type: { uri: PEERDIST, local: "PeerDistDataV2" },
    matchBy: "http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule",
    metadataVersion: 2,
  },
};

/** The format whose type is among these; undefined if none is. */
export function formatOf(types: readonly QName[] | undefined): FormatVersion | undefined {
  const has = (version: FormatVersion) =>
    types?.some(
      (name) => name.uri === FORMATS[version].type.uri && name.local === FORMATS[version].type.local,
    );
  if (has(1)) return 1;
  return has(2) ? 2 : undefined;
}
