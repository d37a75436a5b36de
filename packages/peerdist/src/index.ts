/** The Peer Distribution API: its functions, and the service behind them. */
export { type InProcessOptions, inProcess } from "./in-process.ts";
export type {
  ClientFunctions,
  CommonFunctions,
  Opt,
  PeerDistFunctions,
  ReturnCode,
  ServerFunctions,
} from "./library/functions.ts";
export type { PeerDistOptions } from "./library/instance.ts";
export { createPeerDist } from "./library/peer-dist.ts";
export type {
  CallerEvents,
  ConnectionEvents,
  OperationCompletion,
  PeerDistTransport,
  ServiceCall,
  ServiceConnection,
  ServiceReturn,
  ServiceSession,
  StatusReport,
} from "./service/calls.ts";
export type { BlockAccess, BlockName, FetchedFrom, FetchedPiece } from "./service/ports.ts";
export type { QuotaLimits } from "./service/quota.ts";
export { PeerDistService, type ServiceCounts } from "./service/service.ts";
export type { PeerDistServiceOptions } from "./service/service-options.ts";
export { type CompletionPacket, CompletionPort } from "./win32/completion-port.ts";
export * from "./win32/constants.ts";
export * from "./win32/errors.ts";
export { ManualResetEvent, Overlapped, type OverlappedInit, STATUS_PENDING } from "./win32/overlapped.ts";
export type * from "./win32/types.ts";
