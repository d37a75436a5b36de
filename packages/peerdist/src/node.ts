/** The daemon's socket, both sides of it. */
export { IdentityProofs } from "./node/proofs.ts";
export { PEERDIST_PROTOCOL } from "./node/protocol.ts";
export {
  type ConnectionProofs,
  type PeerDistProtocolOptions,
  peerDistProtocol,
} from "./node/protocol-server.ts";
export { type DaemonOptions, daemon } from "./node/socket-transport.ts";
