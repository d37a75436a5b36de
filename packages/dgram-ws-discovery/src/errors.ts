/** Failures of this package. Match on `code`, never on `instanceof`: two copies may be loaded at once. */

export type WsDiscoveryErrorCode =
  /** The datagram, or the message to be written, is over the size limit. */
  | "WSD_TOO_LARGE"
  /** Not UTF-8, or another encoding is declared. */
  | "WSD_ENCODING"
  /** Not well-formed XML, or a namespace prefix without declaration. */
  | "WSD_XML_MALFORMED"
  /** The document carries a DTD. */
  | "WSD_XML_DOCTYPE"
  /** Nested too deep, or too many elements or attributes. */
  | "WSD_XML_LIMIT"
  /** The root is no SOAP envelope with one body. */
  | "WSD_NOT_ENVELOPE"
  /** A header that must be understood is not. */
  | "WSD_MUST_UNDERSTAND"
  /** Action or MessageID is missing or ambiguous. */
  | "WSD_HEADER"
  /** The action is none of WS-Discovery's. */
  | "WSD_UNKNOWN_ACTION"
  /** The body does not fit its action. */
  | "WSD_BODY"
  /** A value that XML or the schema cannot carry: the mistake is the caller's. */
  | "WSD_WRITE_VALUE"
  /** An option that cannot be: the mistake is the caller's. */
  | "WSD_OPTION"
  /** A chosen interface does not exist, or cannot be used. */
  | "WSD_INTERFACE"
  /** A request handler threw; `cause` is what it threw. */
  | "WSD_HANDLER"
  /** The object was closed. */
  | "WSD_CLOSED";

export class WsDiscoveryError extends Error {
  readonly code: WsDiscoveryErrorCode;

  constructor(code: WsDiscoveryErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WsDiscoveryError";
    this.code = code;
  }
}
