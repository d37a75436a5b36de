/** From message to datagram: children in the order of the schema, prefixes fixed. */
import { WsDiscoveryError } from "../errors.ts";
import { MAX_MESSAGE_BYTES } from "../limits.ts";
import {
  actionUri,
  type ProtocolVersion,
  SOAP_1_2,
  VERSIONS,
  type VersionNames,
} from "../protocol/versions.ts";
import type { QName, XmlAttribute } from "../xml/element.ts";
import { type WritableElement, writeXml } from "../xml/write.ts";
import type { AppSequence, DiscoveryMessage, Probe, ServiceDescription } from "./types.ts";

/** How `writeMessage` writes the envelope. */
export interface WriteMessageOptions {
  /** Prefix to namespace, declared on the envelope after `soap`, `wsa` and `wsd`. */
  readonly prefixes?: Readonly<Record<string, string>>;
}

/**
 * One datagram: UTF-8, SOAP 1.2, one line. Throws `WSD_WRITE_VALUE` for what the schema cannot carry and
 * `WSD_TOO_LARGE` above 32,767 bytes.
 */
export function writeMessage(message: DiscoveryMessage, options: WriteMessageOptions = {}): Uint8Array {
  return new MessageWriter(options.prefixes).write(message);
}

/** Writes many messages with the same prefixes: what they have in common is prepared once. */
export class MessageWriter {
  readonly #prefixes: Readonly<Record<string, string>> | undefined;
  readonly #prepared = new Map<ProtocolVersion, Prepared>();

  constructor(prefixes: Readonly<Record<string, string>> | undefined) {
    this.#prefixes = prefixes;
  }

  /** As `writeMessage`. */
  write(message: DiscoveryMessage): Uint8Array {
    const { shapes, prefixes } = this.#preparedFor(message.version);
    const bytes = writeXml(shapes.envelope(message), prefixes);
    if (bytes.length > MAX_MESSAGE_BYTES) {
      throw new WsDiscoveryError(
        "WSD_TOO_LARGE",
        `${bytes.length} bytes, at most ${MAX_MESSAGE_BYTES} are sent`,
      );
    }
    return bytes;
  }

  #preparedFor(version: ProtocolVersion): Prepared {
    let prepared = this.#prepared.get(version);
    if (!prepared) {
      const names = VERSIONS[version];
      const common = { soap: SOAP_1_2, wsa: names.addressing, wsd: names.discovery };
      prepared = { shapes: messageShapes(names), prefixes: { ...common, ...this.#prefixes } };
      this.#prepared.set(version, prepared);
    }
    return prepared;
  }
}

interface Prepared {
  readonly shapes: ReturnType<typeof messageShapes>;
  readonly prefixes: Readonly<Record<string, string>>;
}

/** One declared shape for each element that this package writes. */
function messageShapes(names: VersionNames) {
  const wsa = (local: string, text: string): WritableElement => ({ uri: names.addressing, local, text });
  const wsd = (local: string, ...children: readonly Optional[]): WritableElement => ({
    uri: names.discovery,
    local,
    children: present(children),
  });
  const wsdText = (
    local: string,
    text: string,
    attributes: readonly XmlAttribute[] = [],
  ): WritableElement => ({ uri: names.discovery, local, attributes, text });
  const optional = <T>(value: T | undefined, shape: (value: T) => WritableElement): Optional =>
    value === undefined ? undefined : shape(value);

  const reference = (local: string, address: string): WritableElement => ({
    uri: names.addressing,
    local,
    children: [wsa("Address", address)],
  });
  const types = (value: readonly QName[]): WritableElement => ({
    uri: names.discovery,
    local: "Types",
    names: value,
  });
  const scopes = (value: readonly string[], matchBy?: string) =>
    wsdText("Scopes", listText(value), matchBy === undefined ? [] : [attribute("MatchBy", matchBy)]);

  const appSequence = ({ instanceId, sequenceId, messageNumber }: AppSequence) =>
    wsdText("AppSequence", "", [
      attribute("InstanceId", unsigned32(instanceId)),
      ...(sequenceId === undefined ? [] : [attribute("SequenceId", sequenceId)]),
      attribute("MessageNumber", unsigned32(messageNumber)),
    ]);

  const probe = (value: Probe) =>
    wsd(
      "Probe",
      optional(value.types, types),
      value.scopes === undefined ? undefined : scopes(value.scopes, value.matchBy),
      ...(value.extensions ?? []),
    );

  const service = (local: string, value: ServiceDescription) =>
    wsd(
      local,
      reference("EndpointReference", value.address),
      optional(value.types, types),
      optional(value.scopes, (list) => scopes(list)),
      optional(value.xAddrs, (list) => wsdText("XAddrs", listText(list))),
      wsdText("MetadataVersion", unsigned32(value.metadataVersion)),
      ...(value.extensions ?? []),
    );

  const body = (message: DiscoveryMessage): WritableElement => {
    switch (message.kind) {
      case "Hello":
        return service("Hello", message.service);
      case "Bye":
      case "Resolve":
        return wsd(
          message.kind,
          reference("EndpointReference", message.address),
          ...(message.extensions ?? []),
        );
      case "Probe":
        return probe(message.probe);
      case "ProbeMatches":
        return wsd("ProbeMatches", ...message.matches.map((match) => service("ProbeMatch", match)));
      case "ResolveMatches":
        return wsd(
          "ResolveMatches",
          optional(message.match, (match) => service("ResolveMatch", match)),
        );
    }
  };

  const isAnswer = (message: DiscoveryMessage) =>
    message.kind === "ProbeMatches" || message.kind === "ResolveMatches";

  return {
    envelope: (message: DiscoveryMessage): WritableElement => ({
      uri: SOAP_1_2,
      local: "Envelope",
      children: [
        {
          uri: SOAP_1_2,
          local: "Header",
          children: present([
            wsa("To", message.to ?? (isAnswer(message) ? names.anonymous : names.multicastTo)),
            wsa("Action", actionUri(names, message.kind)),
            wsa("MessageID", message.messageId),
            optional(message.relatesTo, (id) => wsa("RelatesTo", id)),
            optional(message.replyTo, (address) => reference("ReplyTo", address)),
            optional(message.appSequence, appSequence),
          ]),
        },
        { uri: SOAP_1_2, local: "Body", children: [body(message)] },
      ],
    }),
  };
}

type Optional = WritableElement | undefined;

function present(elements: readonly Optional[]): WritableElement[] {
  return elements.filter((element) => element !== undefined);
}

function attribute(local: string, value: string): XmlAttribute {
  return { uri: "", local, value };
}

function listText(items: readonly string[]): string {
  for (const item of items) {
    if (item === "" || /[ \t\r\n]/.test(item)) {
      throw new WsDiscoveryError("WSD_WRITE_VALUE", "an item of a list is empty or has white space in it");
    }
  }
  return items.join(" ");
}

function unsigned32(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new WsDiscoveryError("WSD_WRITE_VALUE", `${value} is no unsigned 32-bit number`);
  }
  return String(value);
}
