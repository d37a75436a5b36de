/** A BranchCache node in this process or behind a local socket, and downloads through it. */
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
  PiecesOptions,
  SegmentExplanation,
} from "./branch-cache.ts";
export * from "./download.ts";
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
  type SrvRecord,
} from "./hosted/srv.ts";
export { closeServer, type ListenAddress, listen, listenError } from "./http-listen.ts";
export type { FetchWantedOptions, NodeBlocks } from "./node-blocks.ts";
export { type PeerNode, startPeerNode } from "./peer-node.ts";
export type { NodeMode, PeerNodeOptions } from "./peer-node-options.ts";
export * from "./socket.ts";
