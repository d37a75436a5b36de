/** [MS-PCCRR] block retrieval between peers: messages, block encryption, client and server. */
export {
  type BlockCipher,
  CIPHER_BLOCK_BYTES,
  KEY_BYTES,
  type OpenedBlock,
  sealedLengthBytes,
} from "./cipher.ts";
export type { BlockAnswer, BlockListAnswer, SegmentListAnswer } from "./client/check-answers.ts";
export { fetchBlocks } from "./client/fetch.ts";
export type { FetchBlocksOptions } from "./client/fetch-options.ts";
export type { FetchReport, PeerReport, SegmentReport } from "./client/fetch-report.ts";
export type { DropReason } from "./client/peer-conduct.ts";
export type { LinkFailure } from "./client/peer-link.ts";
export type {
  FetchedBlock,
  FetchedPiece,
  FoundPeer,
  MissingBlock,
  MissingReason,
  PeerFinder,
  PeerSource,
  WantedBlock,
} from "./client/peers.ts";
export { type RememberedPeers, type RememberOptions, rememberPeers } from "./client/remembered-peers.ts";
export {
  type ExchangeFailure,
  RetrievalClient,
  type RetrievalClientOptions,
  type VersionAnswer,
} from "./client/retrieval-client.ts";
export * from "./limits.ts";
export { type Block, block } from "./messages/block.ts";
export { type BlockList, blockList } from "./messages/block-list.ts";
export { type GetBlockList, getBlockList } from "./messages/get-block-list.ts";
export { type GetBlocks, getBlocks } from "./messages/get-blocks.ts";
export { type GetSegmentList, getSegmentList } from "./messages/get-segment-list.ts";
export {
  type MessageHeader,
  messageHeader,
  type ProtocolVersion,
  protocolVersion,
} from "./messages/header.ts";
export { encodeMessage, type MessageBody, type MessageKind } from "./messages/message.ts";
export { type NegoRequest, negoRequest } from "./messages/nego-request.ts";
export { type NegoResponse, negoResponse } from "./messages/nego-response.ts";
export { parseRequest, parseResponse, type Request, type Response } from "./messages/parse.ts";
export { type IndexRange, toRanges } from "./messages/ranges.ts";
export {
  bareSegmentAge,
  decodeSegmentAges,
  encodeSegmentAges,
  type SegmentAge,
} from "./messages/segment-ages.ts";
export { type SegmentList, segmentList } from "./messages/segment-list.ts";
export type { BlockSource, SourceBlock } from "./server/block-source.ts";
export {
  createRetrievalServer,
  type RetrievalAnswer,
  type RetrievalServer,
  type RetrievalServerOptions,
} from "./server/server.ts";
export { commonMajor, SUPPORTED, type VersionRange } from "./versions.ts";
