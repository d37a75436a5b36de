/** The coding for `node:http` servers and, over undici, for clients. */

export * from "./node/client.ts";
export { type ContentServerOptions, createContentServer } from "./node/content-server.ts";
export { type DirectoryHandlerOptions, directoryHandler, type ServedFile } from "./node/directory-handler.ts";
export { type FastifyLike, peerDistPlugin } from "./node/fastify-plugin.ts";
export {
  type FilePublications,
  type FilePublicationsOptions,
  filePublications,
  type HashFile,
} from "./node/file-publications.ts";
export { fileEtag } from "./node/file-validator.ts";
export type { ForwardedMode } from "./node/forward-fields.ts";
export { createGateway, type Gateway, type GatewayOptions } from "./node/gateway/gateway.ts";
export {
  type PublishedUrl,
  type UrlPublisher,
  type UrlPublisherOptions,
  urlPublisher,
} from "./node/gateway/url-publisher.ts";
export {
  type PeerDistDirectory,
  type PeerDistDirectoryOptions,
  peerDistDirectory,
} from "./node/peerdist-directory.ts";
export type { KeeperOptions } from "./node/publication-keeper.ts";
export {
  memoryPublicationStore,
  type PublicationStore,
  type StoredPublications,
} from "./node/publication-store.ts";
export type { ResourceFilterOptions } from "./node/resource-filter.ts";
export type { RequestHandler } from "./node/response-hook.ts";
export {
  type ContentSource,
  type HashStream,
  type UrlPublications,
  type UrlPublicationsOptions,
  urlPublications,
} from "./node/url-publications.ts";
export { type PeerDistServerOptions, peerDistMiddleware, withPeerDist } from "./node/with-peerdist.ts";
