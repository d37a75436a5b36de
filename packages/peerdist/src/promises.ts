/** The Peer Distribution API with promises: streams, AbortSignal and `await using`, over the same functions. */
export {
  type Content,
  type ContentPiece,
  type DataPiece,
  MissingRange,
  type ReadOptions,
  type StreamOptions,
} from "./promises/content.ts";
export type { OperationEnd } from "./promises/operation.ts";
export {
  type ByteSource,
  type ContentInformationOptions,
  connectPeerDist,
  type OpenOptions,
  type PeerDist,
  type Publication,
  type PublishOptions,
} from "./promises/peer-dist.ts";
