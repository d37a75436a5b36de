/** The coding for `node:http` servers and, over undici, for clients. */

export * from "./node/client.ts";
export {
  type ContentServerOptions,
  createContentServer,
  type RequestHandler,
} from "./node/content-server.ts";
export {
  type DirectoryHandlerOptions,
  directoryHandler,
  type ServedFile,
} from "./node/directory/directory-handler.ts";
export {
  type PeerDistDirectory,
  type PeerDistDirectoryOptions,
  peerDistDirectory,
} from "./node/directory/peerdist-directory.ts";
export type { ForwardedMode } from "./node/forward-fields.ts";
export { createGateway, type Gateway, type GatewayOptions } from "./node/gateway/gateway.ts";
export {
  type PublishedUrl,
  type UrlPublisher,
  type UrlPublisherOptions,
  urlPublisher,
} from "./node/gateway/url-publisher.ts";
export { type FastifyLike, peerDistPlugin } from "./node/middleware/fastify-plugin.ts";
export {
  type PeerDistServerOptions,
  peerDistMiddleware,
  withPeerDist,
} from "./node/middleware/with-peerdist.ts";
export {
  type FilePublications,
  type FilePublicationsOptions,
  filePublications,
  type HashFile,
} from "./node/publications/file-publications.ts";
export { fileEtag } from "./node/publications/file-validator.ts";
export type { KeeperOptions } from "./node/publications/publication-keeper.ts";
export {
  memoryPublicationStore,
  type PublicationStore,
  type StoredPublications,
} from "./node/publications/publication-store.ts";
export type { Tee } from "./node/publications/tee.ts";
export {
  type ContentSource,
  type HashStream,
  type UrlPublications,
  type UrlPublicationsOptions,
  urlPublications,
} from "./node/publications/url-publications.ts";
export type { ResourceFilterOptions } from "./node/resource-filter.ts";
