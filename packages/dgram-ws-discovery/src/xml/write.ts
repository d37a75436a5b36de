/** Writes elements with every namespace declared on the root, as readers that look for literal tags need it. */
import { WsDiscoveryError } from "../errors.ts";
import type { QName, XmlElement } from "./element.ts";

/** Prefixes that readers without namespace support expect: wsdd compares a type with `wsdp:Device` as text. */
const CUSTOMARY: Readonly<Record<string, string>> = {
  "http://schemas.xmlsoap.org/ws/2006/02/devprof": "wsdp",
  "http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01": "dpws",
  "http://schemas.microsoft.com/windows/pub/2005/07": "pub",
  "http://schemas.microsoft.com/windows/2006/08/wdp/print": "wprt",
  "http://schemas.microsoft.com/windows/2006/08/wdp/scan": "wscn",
  "http://www.onvif.org/ver10/network/wsdl": "dn",
  "http://www.onvif.org/ver10/device/wsdl": "tds",
};

/** Prefixes of one document, filled as names come up. */
export class NamespaceTable {
  readonly #prefixes = new Map<string, string>();

  /** Prefix to namespace. A second prefix for one namespace is left out. */
  constructor(declared: Readonly<Record<string, string>>) {
    for (const [prefix, uri] of Object.entries(declared)) {
      if (!this.#prefixes.has(uri)) this.#prefixes.set(uri, prefix);
    }
  }

  /** The name with its prefix; a namespace without one gets its customary one, else `ns1`, `ns2` and so on. */
  qualify(name: QName): string {
    if (name.uri === "") return checkedName(name.local);
    const prefix = this.#prefixes.get(name.uri) ?? this.#newPrefix(name.uri);
    this.#prefixes.set(name.uri, prefix);
    return `${prefix}:${checkedName(name.local)}`;
  }

  #newPrefix(uri: string): string {
    const taken = new Set(this.#prefixes.values());
    const customary = CUSTOMARY[uri];
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

/** The document in UTF-8, without byte order mark and white space. Throws `WSD_WRITE_VALUE`. */
export function writeXml(root: XmlElement, namespaces: NamespaceTable): Uint8Array {
  const name = namespaces.qualify(root);
  // Before the declarations: names inside may add to them.
  const rest = afterName(root, name, namespaces);
  const text = `<?xml version="1.0" encoding="utf-8"?><${name}${namespaces.declarations()}${rest}`;
  return new TextEncoder().encode(text);
}

/** Attributes, content and end tag. */
function afterName(element: XmlElement, name: string, namespaces: NamespaceTable): string {
  let text = "";
  for (const attribute of element.attributes ?? []) {
    text += ` ${namespaces.qualify(attribute)}="${escapeXml(attribute.value)}"`;
  }
  text += `>${escapeXml(element.text ?? "")}`;
  for (const child of element.children ?? []) {
    const childName = namespaces.qualify(child);
    text += `<${childName}${afterName(child, childName, namespaces)}`;
  }
  return `${text}</${name}>`;
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
  // Nearly everything, and much faster than what follows.
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
