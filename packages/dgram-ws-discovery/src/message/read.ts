/** Reads a datagram as a message, whatever its prefixes, the order of its elements, its extensions and further headers. */
import { WsDiscoveryError } from "../errors.ts";
import { MAX_LIST_ITEMS, MAX_MATCHES, MAX_URI_LENGTH } from "../limits.ts";
import { parseAction, SOAP_1_1, SOAP_1_2, VERSIONS, type VersionNames } from "../protocol/versions.ts";
import { type ParsedElement, type QName, splitList, trimXml } from "../xml/element.ts";
import { FormReader, isSample } from "../xml/forms.ts";
import { decodeDocument, readXml } from "../xml/read.ts";
import type {
  AppSequence,
  DiscoveryMessage,
  MessageBody,
  MessageHeader,
  Probe,
  ServiceDescription,
  ToHeader,
} from "./types.ts";

const ADDRESSING: ReadonlySet<string> = new Set(Object.values(VERSIONS).map((names) => names.addressing));
const DISCOVERY: ReadonlySet<string> = new Set(Object.values(VERSIONS).map((names) => names.discovery));
const KNOWN_HEADERS: ReadonlySet<string> = new Set([
  "To",
  "Action",
  "MessageID",
  "RelatesTo",
  "ReplyTo",
  "From",
  "FaultTo",
]);

/**
 * Throws `WsDiscoveryError` and nothing else: the codes of `decodeDocument` and `readXml`, and `WSD_NOT_ENVELOPE`,
 * `WSD_MUST_UNDERSTAND`, `WSD_HEADER`, `WSD_UNKNOWN_ACTION`, `WSD_BODY`.
 */
export function readMessage(bytes: Uint8Array): DiscoveryMessage {
  return readEnvelope(readXml(decodeDocument(bytes)));
}

/** Reads many messages, and those that differ from an earlier one only in their values several times as fast. */
export class MessageReader {
  readonly #documents = new FormReader();

  /** As `readMessage`. */
  read(bytes: Uint8Array): DiscoveryMessage {
    return readEnvelope(this.#documents.read(bytes));
  }
}

function readEnvelope(envelope: ParsedElement): DiscoveryMessage {
  const soap = envelope.uri;
  if (envelope.local !== "Envelope" || (soap !== SOAP_1_2 && soap !== SOAP_1_1)) {
    throw new WsDiscoveryError("WSD_NOT_ENVELOPE", "the root is no SOAP envelope");
  }
  const header = only(envelope, soap, "Header", "WSD_HEADER");
  const body = only(envelope, soap, "Body", "WSD_NOT_ENVELOPE");
  if (!header || !body) throw new WsDiscoveryError("WSD_NOT_ENVELOPE", "header or body is missing");
  refuseUnknownMandatory(header, soap);

  const action = headerText(header, "Action");
  const messageId = headerText(header, "MessageID");
  if (!action || !messageId) throw new WsDiscoveryError("WSD_HEADER", "no Action or no MessageID");
  if (messageId.length > MAX_URI_LENGTH)
    throw new WsDiscoveryError("WSD_HEADER", "the MessageID is too long");
  const known = parseAction(action);
  if (!known) throw new WsDiscoveryError("WSD_UNKNOWN_ACTION", "an action of somebody else");
  const { names, kind } = known;

  const to = headerText(header, "To");
  const relatesTo = headerText(header, "RelatesTo");
  const replyTo = onlyAddressed(header, "ReplyTo", "WSD_HEADER");
  const appSequence = readAppSequence(header.children.find((child) => isNamed(child, names, "AppSequence")));
  const root = only(body, names.discovery, kind, "WSD_BODY");
  if (!root) throw new WsDiscoveryError("WSD_BODY", `no ${kind} in the body`);
  // Set one by one: spreading optional parts makes an object for each, which is slow for many messages.
  const message = readBody(kind, root, names) as Filled;
  message.version = names.version;
  message.messageId = messageId;
  if (to) message.to = to;
  if (relatesTo) message.relatesTo = relatesTo;
  if (replyTo) message.replyTo = addressOf(replyTo);
  if (appSequence) message.appSequence = appSequence;
  return message;
}

type Filled = MessageBody & {
  -readonly [Name in keyof (MessageHeader & ToHeader)]: (MessageHeader & ToHeader)[Name];
};

function headerText(header: ParsedElement, local: string): string | undefined {
  const element = onlyAddressed(header, local, "WSD_HEADER");
  return element && trimXml(element.text);
}

/** A new object, to which the header is added. */
function readBody(kind: MessageBody["kind"], root: ParsedElement, names: VersionNames): MessageBody {
  switch (kind) {
    case "Hello":
      return { kind, service: readService(root, names) };
    case "Bye":
    case "Resolve":
      return { kind, address: endpointAddress(root), extensions: extensions(root, names) };
    case "Probe":
      return { kind, probe: readProbe(root, names) };
    case "ProbeMatches": {
      const matches = root.children.filter((child) => isNamed(child, names, "ProbeMatch"));
      if (matches.length > MAX_MATCHES) throw new WsDiscoveryError("WSD_BODY", `over ${MAX_MATCHES} matches`);
      return { kind, matches: matches.map((match) => readService(match, names)) };
    }
    case "ResolveMatches": {
      const match = only(root, names.discovery, "ResolveMatch", "WSD_BODY");
      return { kind, ...(match && { match: readService(match, names) }) };
    }
  }
}

function readProbe(root: ParsedElement, names: VersionNames): Probe {
  const types = only(root, names.discovery, "Types", "WSD_BODY");
  const scopes = only(root, names.discovery, "Scopes", "WSD_BODY");
  const matchBy = scopes && attributeOf(scopes, "MatchBy");
  // Set one by one, as in `readEnvelope`.
  const probe: { -readonly [Name in keyof Probe]: Probe[Name] } = {};
  if (types) probe.types = readTypes(types);
  if (scopes) probe.scopes = readList(scopes);
  if (matchBy !== undefined) probe.matchBy = trimXml(matchBy);
  probe.extensions = extensions(root, names);
  return probe;
}

function readService(root: ParsedElement, names: VersionNames): ServiceDescription {
  const child = (local: string) => only(root, names.discovery, local, "WSD_BODY");
  const types = child("Types");
  const scopes = child("Scopes");
  const xAddrs = child("XAddrs");
  const metadataVersion = child("MetadataVersion");
  if (!metadataVersion) throw new WsDiscoveryError("WSD_BODY", "no MetadataVersion");
  const version = unsigned(trimXml(metadataVersion.text));
  if (version === undefined) throw new WsDiscoveryError("WSD_BODY", "MetadataVersion is no number");
  return {
    address: endpointAddress(root),
    ...(types && { types: readTypes(types) }),
    ...(scopes && { scopes: readList(scopes) }),
    ...(xAddrs && { xAddrs: readList(xAddrs) }),
    metadataVersion: version,
    extensions: extensions(root, names),
  };
}

/** What was read of elements that come again. */
const READ_TYPES = new WeakMap<ParsedElement, readonly QName[]>();

function readTypes(element: ParsedElement): readonly QName[] {
  const known = READ_TYPES.get(element);
  if (known) return known;
  const names = readList(element).map((item) => readName(item, element));
  if (isSample(element)) READ_TYPES.set(element, names);
  return names;
}

function readName(item: string, element: ParsedElement): QName {
  const colon = item.indexOf(":");
  const prefix = colon < 0 ? "" : item.slice(0, colon);
  const uri = element.resolvePrefix(prefix);
  const local = item.slice(colon + 1);
  if (uri === undefined || local === "" || local.includes(":") || (prefix !== "" && uri === "")) {
    throw new WsDiscoveryError("WSD_BODY", "a type whose prefix is not declared");
  }
  return { uri, local };
}

function readList(element: ParsedElement): string[] {
  const items = splitList(element.text);
  if (items.length > MAX_LIST_ITEMS) {
    throw new WsDiscoveryError("WSD_BODY", `over ${MAX_LIST_ITEMS} items in ${element.local}`);
  }
  return items;
}

/** Undefined also for a broken one: no order is known then, and the message is still good. */
function readAppSequence(element: ParsedElement | undefined): AppSequence | undefined {
  if (!element) return undefined;
  const value = (local: string) => attributeOf(element, local);
  const instanceId = unsigned(value("InstanceId") ?? "");
  const messageNumber = unsigned(value("MessageNumber") ?? "");
  const sequenceId = value("SequenceId");
  if (instanceId === undefined || messageNumber === undefined) return undefined;
  if (sequenceId !== undefined && sequenceId.length > MAX_URI_LENGTH) return undefined;
  return { instanceId, ...(sequenceId !== undefined && { sequenceId }), messageNumber };
}

/** Wider than the 32 bits of the schema: clocks in milliseconds are sent here, and compare well. */
function unsigned(text: string): number | undefined {
  return /^\+?[0-9]{1,15}$/.test(trimXml(text)) ? Number(text) : undefined;
}

function endpointAddress(root: ParsedElement): string {
  const reference = onlyAddressed(root, "EndpointReference", "WSD_BODY");
  const address = reference && addressOf(reference);
  if (!address || address.length > MAX_URI_LENGTH) {
    throw new WsDiscoveryError("WSD_BODY", "no endpoint address, or one too long");
  }
  return address;
}

function addressOf(reference: ParsedElement): string {
  const address = reference.children.find((child) => child.local === "Address" && ADDRESSING.has(child.uri));
  return address ? trimXml(address.text) : "";
}

function extensions(root: ParsedElement, names: VersionNames): ParsedElement[] {
  const found: ParsedElement[] = [];
  for (const child of root.children) {
    if (child.uri !== names.discovery && !ADDRESSING.has(child.uri)) found.push(child);
  }
  return found;
}

function refuseUnknownMandatory(header: ParsedElement, soap: string): void {
  for (const entry of header.children) {
    if (ADDRESSING.has(entry.uri) && KNOWN_HEADERS.has(entry.local)) continue;
    if (DISCOVERY.has(entry.uri) && entry.local === "AppSequence") continue;
    const must = entry.attributes.find((found) => found.uri === soap && found.local === "mustUnderstand");
    if (must && /^(1|true)$/.test(trimXml(must.value))) {
      throw new WsDiscoveryError("WSD_MUST_UNDERSTAND", "a header that must be understood is not");
    }
  }
}

function isNamed(element: QName, names: VersionNames, local: string): boolean {
  return element.local === local && element.uri === names.discovery;
}

/** An attribute without prefix, or with one of our own namespaces as some toolkits write it. */
function isOwn(uri: string): boolean {
  return uri === "" || DISCOVERY.has(uri);
}

function attributeOf(element: ParsedElement, local: string): string | undefined {
  for (const entry of element.attributes) {
    if (entry.local === local && isOwn(entry.uri)) return entry.value;
  }
  return undefined;
}

type OnlyOneCode = "WSD_HEADER" | "WSD_BODY" | "WSD_NOT_ENVELOPE";

function only(
  parent: ParsedElement,
  uri: string,
  local: string,
  code: OnlyOneCode,
): ParsedElement | undefined {
  let found: ParsedElement | undefined;
  for (const child of parent.children) {
    if (child.local !== local || child.uri !== uri) continue;
    if (found) throw new WsDiscoveryError(code, `more than one ${local}`);
    found = child;
  }
  return found;
}

/** In the addressing namespace of either version. */
function onlyAddressed(parent: ParsedElement, local: string, code: OnlyOneCode): ParsedElement | undefined {
  let found: ParsedElement | undefined;
  for (const child of parent.children) {
    if (child.local !== local || !ADDRESSING.has(child.uri)) continue;
    if (found) throw new WsDiscoveryError(code, `more than one ${local}`);
    found = child;
  }
  return found;
}
