/** A BranchCache node in this process or behind a local socket, and downloads through it. */

export { connectBranchCache } from "./api/client.ts";
export { FrameWriter } from "./api/frame-writer.ts";
export { FRAME_MAX_BYTES, FrameReader } from "./api/frames.ts";
export { isPipeName } from "./api/pipe-name.ts";
export { ReceivedBytes } from "./api/received-bytes.ts";
export {
  type ApiConnection,
  type ApiConnectionHandler,
  type ApiProtocol,
  type ApiServer,
  type ApiServerOptions,
  serveApi,
} from "./api/server.ts";
export { type BlockServer, type BlockServerOptions, startBlockServer } from "./block-server.ts";
export type {
  BranchCache,
  ByteSource,
  ContentPiece,
  ContentReader,
  Explanation,
  MissingReason,
  OpenContentOptions,
  SegmentExplanation,
} from "./branch-cache.ts";
export { type DownloadOptions, download, shownUrl } from "./download/download.ts";
export { createFileSink, type FileSink } from "./download/file-sink.ts";
export { branchCacheInterceptor, type InterceptorOptions } from "./download/interceptor.ts";
export type { DownloadProgress, DownloadReport } from "./download/report.ts";
export type { DownloadSink, PartialContent } from "./download/sink.ts";
export { createStreamSink } from "./download/stream-sink.ts";
export { type AddressRanges, addressRanges } from "./hosted/addresses.ts";
export type { HostedCacheState, HostedClientOptions } from "./hosted/hosted-caches.ts";
export {
  type HostedCacheService,
  type HostedCacheServiceOptions,
  type HostedTls,
  startHostedCacheService,
} from "./hosted/hosted-server.ts";
export {
  type DiscoverOptions,
  discoverHostedCaches,
  type HostedCacheAddress,
  SRV_SERVICE,
} from "./hosted/srv.ts";
export { closeServer, type ListenAddress, listen } from "./http-listen.ts";
export type { FetchWantedOptions, NodeBlocks } from "./node-blocks.ts";
export { type NodeMode, type PeerNode, type PeerNodeOptions, startPeerNode } from "./peer-node.ts";
