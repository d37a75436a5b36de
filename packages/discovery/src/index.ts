/** [MS-PCCRD] the BranchCache profile of WS-Discovery: who on this link holds these segments. */
export type { FormatVersion } from "./formats.ts";
export {
  DEFAULT_BACKOFF_MS,
  DEFAULT_MAX_PER_SECOND,
  DEFAULT_NEGATIVE_TTL_MS,
  DEFAULT_REPUBLISH_QUORUM,
  DEFAULT_WAIT_MS,
} from "./limits.ts";
export type { HeldSegment } from "./messages/match.ts";
export { startPeerDiscovery } from "./peer-discovery.ts";
export type {
  DiscoveredPeer,
  FindOptions,
  FoundSegment,
  HeldSegments,
  PeerDiscovery,
  PeerDiscoveryOptions,
  PeerMatch,
  ServeOptions,
} from "./types.ts";
