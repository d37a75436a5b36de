/** WS-Discovery over UDP for anybody: find services on the local link, and be found. */
export { WsDiscoveryError, type WsDiscoveryErrorCode } from "./errors.ts";
export { APP_MAX_DELAY_MS, DISCOVERY_PORT, IPV4_GROUP, IPV6_GROUP, MAX_MESSAGE_BYTES } from "./limits.ts";
export { type MatchableService, matchesProbe } from "./matching/match.ts";
export { SCOPE_RULES, type ScopeRule } from "./matching/scopes.ts";
export { MessageReader, readMessage } from "./message/read.ts";
export { MatchTemplate, type TemplateMatch } from "./message/template.ts";
export type {
  AppSequence,
  DiscoveryMessage,
  MessageBody,
  MessageHeader,
  Probe,
  ServiceDescription,
  ToHeader,
} from "./message/types.ts";
export { type WriteMessageOptions, writeMessage } from "./message/write.ts";
export type { Link } from "./net/links.ts";
export type {
  Clock,
  DatagramHandler,
  DatagramOpenOptions,
  DatagramPort,
  DatagramSocket,
  Endpoint,
  InterfaceAddress,
  Random,
} from "./ports.ts";
export { SOAP_OVER_UDP_1_1, SOAP_OVER_UDP_2004, type TransmissionTiming } from "./protocol/transmission.ts";
export { canonicalUri, newUuidUrn } from "./protocol/uuid.ts";
export { type ProtocolVersion, VERSIONS, type VersionNames } from "./protocol/versions.ts";
export type {
  Match,
  MatchBuilder,
  RequestDecision,
  RequestHandler,
  RequestInfo,
  RespondOptions,
} from "./responder.ts";
export {
  startTargetService,
  type TargetService,
  type TargetServiceOptions,
} from "./target-service.ts";
export type {
  AnnouncementBody,
  AnnouncementMessage,
  AnnounceOptions,
  DropReason,
  QueryOptions,
  ReceivedMatch,
  Responding,
  WsDiscovery,
  WsDiscoveryOptions,
} from "./types.ts";
export { type ServiceChange, type WatchOptions, watchServices } from "./watch.ts";
export { openWsDiscovery } from "./ws-discovery.ts";
export type { ParsedElement, QName, XmlAttribute, XmlElement } from "./xml/element.ts";
