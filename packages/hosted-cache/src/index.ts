/** [MS-PCHC] hosted caches: messages, the server that gathers what clients offer, and the client that offers. */
export {
  createOfferClient,
  type OfferClient,
  type OfferClientOptions,
  type OfferTransport,
} from "./client/offer-client.ts";
export type { OfferFailure } from "./client/offer-machine.ts";
export { OfferSteps } from "./client/offer-steps.ts";
export { contentTag, contentTagName, HTTP_TAG, SMB_TAG } from "./content-tag.ts";
export * from "./limits.ts";
export {
  type BatchedOffer,
  batchedOffer,
  HASH_ALGORITHMS,
  type SegmentDescriptor,
  segmentDescriptor,
} from "./messages/batched-offer.ts";
export {
  headerOf,
  MESSAGE_TYPES,
  type OfferVersion,
  type RequestHeader,
  requestHeader,
} from "./messages/header.ts";
export { type InitialOffer, initialOffer } from "./messages/initial-offer.ts";
export { type OfferRequest, parseOfferRequest } from "./messages/parse.ts";
export { encodeResponse, type OfferResponse, parseResponse } from "./messages/response.ts";
export { type SegmentInfo, segmentInfo } from "./messages/segment-info.ts";
export { descriptorOf, type OfferedSegment, offeredBlocks, offeredSegment } from "./segments.ts";
export type { PullJob, Wanted } from "./server/pull-book.ts";
export type { BookLimits, PullOutcome } from "./server/pull-rules.ts";
export {
  createHostedCacheServer,
  DEFAULT_BOOK_LIMITS,
  type HeldState,
  type HostedCacheServer,
  type HostedCacheServerOptions,
  type HostedContent,
  type OfferAnswer,
} from "./server/server.ts";
export type { SpnegoAcceptor, SpnegoInitiator } from "./spnego.ts";
