/** The Node.js side: a listener for `node:http` and `node:https`, gates for it, and the client's transport. */
export {
  addressGate,
  allGates,
  certificateGate,
  type GateVerdict,
  negotiateGate,
  type OfferGate,
} from "./node/gates.ts";
export { nodeOfferTransport, type OfferTransportOptions } from "./node/offer-transport.ts";
export {
  type OfferListenerOptions,
  type OfferRequestListener,
  offerRequestListener,
  peerAddress,
} from "./node/request-listener.ts";
