/** Peers for tests: one that misbehaves on order, and blocks in memory. */
export {
  type Fault,
  type FaultPeer,
  type FaultPeerOptions,
  type FaultSocket,
  faultPeer,
  type TransportFault,
} from "./testing/fault-peer.ts";
export { corrupt, type MessageFault } from "./testing/message-faults.ts";
