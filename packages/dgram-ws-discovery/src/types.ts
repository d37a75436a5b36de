/** What discovery on one host is given, and what it gives. `openWsDiscovery` makes it. */
import type { WsDiscoveryError } from "./errors.ts";
import type { MessageBody, MessageHeader, Probe, ServiceDescription } from "./message/types.ts";
import type { Link } from "./net/links.ts";
import type { Clock, DatagramPort, Endpoint, Random } from "./ports.ts";
import type { TransmissionTiming } from "./protocol/transmission.ts";
import type { ProtocolVersion } from "./protocol/versions.ts";
import type { RequestHandler, RespondOptions } from "./responder.ts";

/** Why a datagram, or a match in it, was not acted on. */
export type DropReason =
  /** The source is on none of our links. */
  | "off_link"
  /** Not a message of this protocol; the error says why. */
  | "malformed"
  /** A version that is switched off. */
  | "version"
  /** Its MessageID was seen a moment ago, and a request is not due for another answer. */
  | "duplicate"
  /** Overtaken by a newer message of its endpoint. */
  | "older"
  /** An answer to none of our open queries. */
  | "unrelated"
  /** Asks for its answer to go to another host. */
  | "reply_address"
  /** The caller takes matches too slowly. */
  | "backlog";

/** The ports that `openWsDiscovery` works through, the links and versions it uses, and who hears of faults. */
export interface WsDiscoveryOptions {
  readonly clock: Clock;
  /** For identifiers and delays. */
  readonly random: Random;
  readonly datagrams: DatagramPort;
  /** Interface names or addresses. Default: all but loopback. */
  readonly interfaces?: readonly string[];
  /** IPv4, IPv6. Default both. */
  readonly families?: readonly (4 | 6)[];
  /** UDP port of the protocol. Default 3702. */
  readonly port?: number;
  /** TTL or hop limit. Default 1: messages stay on the link. */
  readonly multicastTtl?: number;
  /** Versions that are listened to. Default only 2005/04. */
  readonly versions?: readonly ProtocolVersion[];
  /** Drop what comes from outside the subnets of the links. Default true. */
  readonly onLinkOnly?: boolean;
  /** Repeats of what is sent. Default SOAP-over-UDP 1.1. */
  readonly timing?: { readonly multicast: TransmissionTiming; readonly unicast: TransmissionTiming };
  /** Milliseconds between looks at the interfaces. Default 5,000; 0 for never again. */
  readonly interfaceRefreshMs?: number;
  /** InstanceId of this run. Default: seconds since 1970. */
  readonly instanceId?: number;
  /** An interface that cannot be used, or a handler that threw. The others go on. */
  onError?(error: WsDiscoveryError): void;
  /** A datagram that was not acted on. `error` comes with `malformed`. */
  onDrop?(reason: DropReason, from: Endpoint, error?: WsDiscoveryError): void;
  /** Matches that answer none of our open queries; dropped as `unrelated` unless this returns true. */
  onUnrelated?(match: ReceivedMatch): boolean;
}

/** One endpoint's answer, and how it came. */
export interface ReceivedMatch {
  readonly service: ServiceDescription;
  readonly version: ProtocolVersion;
  /** MessageID of the request, as the answer wrote it. */
  readonly relatesTo: string | undefined;
  readonly from: Endpoint;
  /** Undefined for a source on none of our links. */
  readonly link: Link | undefined;
}

/** How one probe or resolve is sent, and how long its answers are waited for. */
export interface QueryOptions {
  /** Milliseconds until the query closes by itself. */
  readonly timeoutMs: number;
  /** Ends the query; the iterator throws its reason. */
  readonly signal?: AbortSignal;
  /** Default 2005/04. */
  readonly version?: ProtocolVersion;
  /** Ask this endpoint only, by unicast; it may be off the link. */
  readonly to?: Endpoint;
  /** Prefix to namespace, declared on the envelope. */
  readonly prefixes?: Readonly<Record<string, string>>;
  /** How long answers take at most, in milliseconds: no repeat is sent so late that its answer could not count. Default 0. */
  readonly answerWithinMs?: number;
  /** Told the MessageID before anything is sent. */
  onStart?(messageId: string): void;
}

/** A Hello or Bye that came in, and how. `link` is undefined for a source on none of ours. */
export type AnnouncementMessage = MessageHeader &
  AnnouncementBody & {
    readonly from: Endpoint;
    readonly link: Link | undefined;
    /** The endpoint was started anew since its last message. */
    readonly restarted: boolean;
  };

/** Hello with the description of a service, or Bye with its endpoint's address. */
export type AnnouncementBody = Extract<MessageBody, { readonly kind: "Hello" | "Bye" }>;

/** How one Hello or Bye is sent. */
export interface AnnounceOptions {
  /** Default 2005/04. */
  readonly version?: ProtocolVersion;
  /** Prefix to namespace, declared on the envelope. */
  readonly prefixes?: Readonly<Record<string, string>>;
  /** Ends the delay and the repeats; `announce` then resolves. */
  readonly signal?: AbortSignal;
  /** The shortest and the longest random delay before the first send, in milliseconds. Default: none. */
  readonly delayMs?: readonly [number, number];
  /** Default all. */
  readonly links?: readonly Link[];
}

/** A handler in use, from `respond` until `close`. */
export interface Responding {
  /** Stops answering. Twice is harmless. */
  close(): void;
}

/**
 * WS-Discovery on the links of one host, as client and as service. Probes are sent by `probe`, answered by
 * `respond`. WSD05 4 to 6.
 */
export interface WsDiscovery {
  /** The links in use now. */
  readonly links: readonly Link[];
  /**
   * Multicasts a probe when iterated, and yields each match as it comes. Ends by time-out; leaving the loop
   * closes the query. Aborted, it throws the signal's reason.
   */
  probe(probe: Probe, options: QueryOptions): AsyncGenerator<ReceivedMatch, void>;
  /** The first answer of the endpoint with this address; undefined if none came in time. */
  resolve(address: string, options: QueryOptions): Promise<ReceivedMatch | undefined>;
  /** Hello and Bye as they come, in the order of their endpoints, until aborted or left. */
  announcements(options?: { readonly signal?: AbortSignal }): AsyncGenerator<AnnouncementMessage, void>;
  /** Answers requests from now on. Several handlers may share the port. */
  respond(handler: RequestHandler, options?: RespondOptions): Promise<Responding>;
  /** Multicasts Hello or Bye. Resolves after the last repeat, or when aborted. */
  announce(body: AnnouncementBody, options?: AnnounceOptions): Promise<void>;
  /** Calls back with the links that were added. Returns what ends it. */
  onLinksAdded(listener: (added: readonly Link[]) => void): () => void;
  /** Looks at the interfaces now. */
  refresh(): Promise<void>;
  /** Stops everything that waits, and closes the sockets. Twice is harmless. */
  close(): Promise<void>;
  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
