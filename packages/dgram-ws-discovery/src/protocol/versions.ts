/** What differs between the two versions of the protocol. */

/** `2005/04`: the draft that Windows, printers and cameras use. `2009/01`: WS-Discovery 1.1 of OASIS. */
export type ProtocolVersion = "2005/04" | "2009/01";

export const SOAP_1_2 = "http://www.w3.org/2003/05/soap-envelope";
/** Accepted, never sent. */
export const SOAP_1_1 = "http://schemas.xmlsoap.org/soap/envelope/";

/** The URIs that tell one version of the protocol from the other. */
export interface VersionNames {
  readonly version: ProtocolVersion;
  /** Namespace, and prefix of every action and matching rule. */
  readonly discovery: string;
  readonly addressing: string;
  /** To of every multicast message. */
  readonly multicastTo: string;
  /** The reply address that means "where the datagram came from". */
  readonly anonymous: string;
  /** The rule of a probe that names none. */
  readonly defaultMatchBy: string;
}

const WSD_2005 = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const WSA_2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const WSD_2009 = "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01";
const WSA_2005 = "http://www.w3.org/2005/08/addressing";

/** The URIs of both versions. */
export const VERSIONS: Readonly<Record<ProtocolVersion, VersionNames>> = {
  "2005/04": {
    version: "2005/04",
    discovery: WSD_2005,
    addressing: WSA_2004,
    multicastTo: "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
    anonymous: `${WSA_2004}/role/anonymous`,
    defaultMatchBy: `${WSD_2005}/rfc2396`,
  },
  "2009/01": {
    version: "2009/01",
    discovery: WSD_2009,
    addressing: WSA_2005,
    multicastTo: "urn:docs-oasis-open-org:ws-dd:ns:discovery:2009:01",
    anonymous: `${WSA_2005}/anonymous`,
    defaultMatchBy: `${WSD_2009}/rfc3986`,
  },
};

const MESSAGE_KINDS = ["Hello", "Bye", "Probe", "ProbeMatches", "Resolve", "ResolveMatches"] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

const ACTIONS: ReadonlyMap<string, { readonly names: VersionNames; readonly kind: MessageKind }> = new Map(
  Object.values(VERSIONS).flatMap((names) =>
    MESSAGE_KINDS.map((kind) => [`${names.discovery}/${kind}`, { names, kind }] as const),
  ),
);

export function actionUri(names: VersionNames, kind: MessageKind): string {
  return `${names.discovery}/${kind}`;
}

/** Undefined for an action of another protocol. */
export function parseAction(
  uri: string,
): { readonly names: VersionNames; readonly kind: MessageKind } | undefined {
  return ACTIONS.get(uri);
}
