/** Names that probes and their answers are made of. [MS-PCCRD] 2.2 */

export const PEERDIST_NAMESPACE = "http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery";

/** By format: the matching rule of wsd:Scopes. */
export const MATCH_BY = {
  1: "http://schemas.xmlsoap.org/ws/2005/04/discovery/strcmp0",
  2: "http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule",
} as const;

/** By format: the local name in wsd:Types. */
export const TYPE_NAME = { 1: "PeerDistData", 2: "PeerDistDataV2" } as const;
