/** The six messages as the program sees them. WSD05 4 to 6. */
import type { ProtocolVersion } from "../protocol/versions.ts";
import type { QName, XmlElement } from "../xml/element.ts";

/** Order of the messages of one endpoint. WSD05 Appendix I. */
export interface AppSequence {
  /** Grows with each restart; unsigned 32 bits. */
  readonly instanceId: number;
  readonly sequenceId?: string;
  /** From 1, one more for each new message; unsigned 32 bits. */
  readonly messageNumber: number;
}

export interface Probe {
  /** Absent or empty: any type. */
  readonly types?: readonly QName[];
  /** Absent or empty: any scope. */
  readonly scopes?: readonly string[];
  /** URI of the rule for scopes; absent means the version's default, rfc2396 or rfc3986. */
  readonly matchBy?: string;
  readonly extensions?: readonly XmlElement[];
}

/** What Hello, ProbeMatch and ResolveMatch say about a target service. */
export interface ServiceDescription {
  /** Names the endpoint and stays the same wherever it is reached; best `urn:uuid:...`. */
  readonly address: string;
  readonly types?: readonly QName[];
  readonly scopes?: readonly string[];
  /** Transport addresses, most preferred first. */
  readonly xAddrs?: readonly string[];
  /** Unsigned 32 bits; grows when anything else here changes. */
  readonly metadataVersion: number;
  readonly extensions?: readonly XmlElement[];
}

export interface MessageHeader {
  readonly version: ProtocolVersion;
  /** Best `urn:uuid:...`. */
  readonly messageId: string;
  readonly relatesTo?: string;
  /** Address of ReplyTo; absent means anonymous. */
  readonly replyTo?: string;
  readonly appSequence?: AppSequence;
}

export type MessageBody =
  | { readonly kind: "Hello"; readonly service: ServiceDescription }
  | { readonly kind: "Bye"; readonly address: string; readonly extensions?: readonly XmlElement[] }
  | { readonly kind: "Probe"; readonly probe: Probe }
  | { readonly kind: "ProbeMatches"; readonly matches: readonly ServiceDescription[] }
  | { readonly kind: "Resolve"; readonly address: string; readonly extensions?: readonly XmlElement[] }
  | { readonly kind: "ResolveMatches"; readonly match?: ServiceDescription };

export interface ToHeader {
  /** When written: the multicast URN for Hello, Bye, Probe and Resolve, anonymous for answers. */
  readonly to?: string;
}

export type DiscoveryMessage = MessageHeader & ToHeader & MessageBody;
