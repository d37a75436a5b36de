/** Writes a document with every namespace declared on the root, as readers without namespace support expect. */
import { WsDiscoveryError } from "../errors.ts";
import type { QName, XmlAttribute } from "./element.ts";

/** Prefixes that readers without namespace support expect: wsdd compares a type with `wsdp:Device` as text. */
export const CUSTOMARY_PREFIXES: Readonly<Record<string, string>> = {
  "http://schemas.xmlsoap.org/ws/2006/02/devprof": "wsdp",
  "http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01": "dpws",
  "http://schemas.microsoft.com/windows/pub/2005/07": "pub",
  "http://schemas.microsoft.com/windows/2006/08/wdp/print": "wprt",
  "http://schemas.microsoft.com/windows/2006/08/wdp/scan": "wscn",
  "http://www.onvif.org/ver10/network/wsdl": "dn",
  "http://www.onvif.org/ver10/device/wsdl": "tds",
};

/** An element to write. Its text may be a list of names, which get the prefixes of the document. */
export interface WritableElement extends QName {
  readonly attributes?: readonly XmlAttribute[];
  readonly children?: readonly WritableElement[];
  readonly text?: string;
  /** Instead of `text`. */
  readonly names?: readonly QName[];
}

/**
 * The document in UTF-8, without byte order mark and white space. `declared`: prefix to namespace; a second prefix for
 * one namespace is left out. Throws `WSD_WRITE_VALUE`.
 */
export function writeXml(root: WritableElement, declared: Readonly<Record<string, string>>): Uint8Array {
  const namespaces = new NamespaceTable(declared);
  const name = namespaces.spell(root);
  const rest = afterName(root, name, namespaces);
  // Last, since the names of the rest may have added namespaces.
  const declarations = namespaces.declarations();
  return new TextEncoder().encode(`<?xml version="1.0" encoding="utf-8"?><${name}${declarations}${rest}`);
}

/** Attributes, content and the end tag. */
function afterName(element: WritableElement, name: string, namespaces: NamespaceTable): string {
  const { attributes = [], names, text = "", children = [] } = element;
  let written = "";
  for (const attribute of attributes) {
    written += ` ${namespaces.spell(attribute)}="${escapeXml(attribute.value)}"`;
  }
  written += `>${names ? names.map((each) => namespaces.spell(each)).join(" ") : escapeXml(text)}`;
  for (const child of children) {
    const childName = namespaces.spell(child);
    written += `<${childName}${afterName(child, childName, namespaces)}`;
  }
  return `${written}</${name}>`;
}

/** The prefixes of one document; a namespace gets one when a name first needs it. */
class NamespaceTable {
  readonly #prefixes = new Map<string, string>();

  constructor(declared: Readonly<Record<string, string>>) {
    for (const [prefix, uri] of Object.entries(declared)) {
      if (!this.#prefixes.has(uri)) this.#prefixes.set(uri, prefix);
    }
  }

  /** The name with its prefix; a namespace without one gets its customary one, else `ns1`, `ns2` and so on. */
  spell(name: QName): string {
    if (name.uri === "") return checkedName(name.local);
    const prefix = this.#prefixes.get(name.uri) ?? this.#newPrefix(name.uri);
    this.#prefixes.set(name.uri, prefix);
    return `${prefix}:${checkedName(name.local)}`;
  }

  #newPrefix(uri: string): string {
    const taken = new Set(this.#prefixes.values());
    const customary = CUSTOMARY_PREFIXES[uri];
    if (customary !== undefined && !taken.has(customary)) return customary;
    let number = 1;
    while (taken.has(`ns${number}`)) number++;
    return `ns${number}`;
  }

  declarations(): string {
    let text = "";
    for (const [uri, prefix] of this.#prefixes) text += ` xmlns:${checkedName(prefix)}="${escapeXml(uri)}"`;
    return text;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escapeXml(text: string): string {
  // The usual case, and much faster.
  if (/^[ !#-%'-;=?-~]*$/.test(text)) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 cannot carry
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u.test(text)) {
    throw new WsDiscoveryError("WSD_WRITE_VALUE", "a character that XML cannot carry");
  }
  return text.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}

function checkedName(name: string): string {
  if (!/^[A-Za-z_][\w.-]*$/.test(name) && !/^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(name)) {
    throw new WsDiscoveryError("WSD_WRITE_VALUE", "no XML name without colon");
  }
  return name;
}
