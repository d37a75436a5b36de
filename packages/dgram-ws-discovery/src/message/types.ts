/** The six messages as the program sees them. WSD05 4 to 6. */
import type { ProtocolVersion } from "../protocol/versions.ts";
import type { QName, XmlElement } from "../xml/element.ts";

/** Order of the messages of one endpoint. WSD05 Appendix I. */
export interface AppSequence {
  /** Grows with each restart; unsigned 32 bits. */
  readonly instanceId: number;
  /** URI of a sequence apart; most endpoints have one sequence without. */
  readonly sequenceId?: string;
  /** From 1, one more for each new message; unsigned 32 bits. */
  readonly messageNumber: number;
}

/** What a Probe looks for: a service matches if it has every type and every scope. WSD05 5.2. */
export interface Probe {
  /** Absent or empty: any type. */
  readonly types?: readonly QName[];
  /** Absent or empty: any scope. */
  readonly scopes?: readonly string[];
  /** URI of the rule for scopes; absent means the version's default, rfc2396 or rfc3986. */
  readonly matchBy?: string;
  /** Child elements of other namespaces. */
  readonly extensions?: readonly XmlElement[];
}

/** What Hello, ProbeMatch and ResolveMatch say about a target service. */
export interface ServiceDescription {
  /** Names the endpoint and stays the same wherever it is reached; best `urn:uuid:...`. */
  readonly address: string;
  /** Absent: not told, or none. */
  readonly types?: readonly QName[];
  /** URIs, by the matching rules of probes. Absent: not told, or none. */
  readonly scopes?: readonly string[];
  /** Transport addresses, most preferred first. */
  readonly xAddrs?: readonly string[];
  /** Unsigned 32 bits; grows when anything else here changes. */
  readonly metadataVersion: number;
  /** Child elements of other namespaces. */
  readonly extensions?: readonly XmlElement[];
}

/** The SOAP header blocks that the six messages share, beside To and Action. WSD05 4 to 6. */
export interface MessageHeader {
  readonly version: ProtocolVersion;
  /** Best `urn:uuid:...`. */
  readonly messageId: string;
  /** MessageID of the request, in an answer. */
  readonly relatesTo?: string;
  /** Address of ReplyTo; absent means anonymous. */
  readonly replyTo?: string;
  /** In Hello, Bye and answers. */
  readonly appSequence?: AppSequence;
}

/**
 * The SOAP body, told apart by `kind`. An `address` is that of the endpoint reference, not a transport address.
 */
export type MessageBody =
  | { readonly kind: "Hello"; readonly service: ServiceDescription }
  | { readonly kind: "Bye"; readonly address: string; readonly extensions?: readonly XmlElement[] }
  | { readonly kind: "Probe"; readonly probe: Probe }
  | { readonly kind: "ProbeMatches"; readonly matches: readonly ServiceDescription[] }
  | { readonly kind: "Resolve"; readonly address: string; readonly extensions?: readonly XmlElement[] }
  | { readonly kind: "ResolveMatches"; readonly match?: ServiceDescription };

/** The header block To. Left out, it is written as the version demands. */
export interface ToHeader {
  /** When written: the multicast URN for Hello, Bye, Probe and Resolve, anonymous for answers. */
  readonly to?: string;
}

/**
 * A whole message, as `readMessage` gives it and `writeMessage` takes it; `kind` says which of the six it is.
 */
export type DiscoveryMessage = MessageHeader & ToHeader & MessageBody;
