/** Peers for tests: one that misbehaves on order, and blocks in memory. */
export {
  type AnswerChange,
  type Fault,
  type FaultPeer,
  type FaultPeerOptions,
  type FaultRequest,
  type FaultSocket,
  faultPeer,
  type TransportFault,
} from "./testing/fault-peer.ts";
export { corrupt, MESSAGE_FAULTS, type MessageFault } from "./testing/message-faults.ts";
