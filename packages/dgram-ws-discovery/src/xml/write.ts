/** Writes elements with every namespace declared on the root, as readers that look for literal tags need it. */
import { WsDiscoveryError } from "../errors.ts";
import { cutBytes } from "../slab.ts";
import { type QName, sameName, type XmlAttribute } from "./element.ts";

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

/** What is written: an element whose text may be a list of names, prefixed as the document needs it. */
export interface WritableElement extends QName {
  readonly attributes?: readonly XmlAttribute[];
  readonly children?: readonly WritableElement[];
  readonly text?: string;
  /** Instead of `text`. */
  readonly names?: readonly QName[];
}

/** Layouts that a writer keeps: answers of a service are of few forms. */
const MAX_LAYOUTS = 4;
/** For documents with the same prefixes declared. One of the form of an earlier one is that with other values. */
export class XmlWriter {
  readonly #declared: Readonly<Record<string, string>>;
  /** The newest first. */
  readonly #layouts: Layout[] = [];

  /** Prefix to namespace. A second prefix for one namespace is left out. */
  constructor(declared: Readonly<Record<string, string>>) {
    this.#declared = declared;
  }

  /**
   * The document in UTF-8, without byte order mark and white space; the bytes are the caller's, and may be a view
   * of a larger buffer. Throws `WSD_WRITE_VALUE`.
   */
  write(root: WritableElement): Uint8Array {
    let values: string[] = [];
    let layout: Layout | undefined;
    for (layout of this.#layouts) {
      if (hasForm(root, layout.form, values)) return layout.fill(values);
      values = [];
    }
    layout = new Layout(root, new NamespaceTable(this.#declared));
    hasForm(root, layout.form, values);
    const bytes = layout.fill(values);
    this.#layouts.unshift(layout);
    this.#layouts.splice(MAX_LAYOUTS);
    return bytes;
  }
}

/** What two documents that differ in their values alone have in common. */
interface Form extends QName {
  readonly attributes: readonly QName[];
  readonly names: readonly QName[] | undefined;
  readonly children: readonly Form[];
}

function formOf({ uri, local, attributes = [], names, children = [] }: WritableElement): Form {
  const copy = (name: QName): QName => ({ uri: name.uri, local: name.local });
  return {
    uri,
    local,
    attributes: attributes.map(copy),
    names: names?.map(copy),
    children: children.map(formOf),
  };
}

const NONE: readonly never[] = [];

/** Whether it is of this form; then its values are added, in the order in which they are written. */
function hasForm(element: WritableElement, form: Form, values: string[]): boolean {
  if (!sameName(element, form)) return false;
  const { attributes = NONE, names, children = NONE } = element;
  if (attributes.length !== form.attributes.length || children.length !== form.children.length) return false;
  for (let i = 0; i < attributes.length; i++) {
    const attribute = attributes[i] as XmlAttribute;
    if (!sameName(attribute, form.attributes[i] as QName)) return false;
    values.push(attribute.value);
  }
  if (names?.length !== form.names?.length) return false;
  if (!names) values.push(element.text ?? "");
  else if (!names.every((name, i) => sameName(name, form.names?.[i] as QName))) return false;
  for (let i = 0; i < children.length; i++) {
    if (!hasForm(children[i] as WritableElement, form.children[i] as Form, values)) return false;
  }
  return true;
}

class Layout {
  readonly form: Form;
  /** What stands before the first value, between each two, and after the last. */
  readonly #pieces: readonly string[];
  /** The last document, if it is of one byte a character: places in its text are places in it. */
  #last: Uint8Array | undefined;
  /** What it was made of, and where each value stands in it, escaped. */
  readonly #values: string[] = [];
  readonly #places: { startsAt: number; length: number }[] = [];

  constructor(root: WritableElement, namespaces: NamespaceTable) {
    this.form = formOf(root);
    const name = namespaces.spell(root);
    const [first, ...others] = layOut(this.form, name, namespaces);
    // After the rest, whose names may have added to them.
    const head = `<?xml version="1.0" encoding="utf-8"?><${name}${namespaces.declarations()}${first}`;
    this.#pieces = [head, ...others];
  }

  /** The document with these values: the last one where only what differs is written anew, if that is as long. */
  fill(values: readonly string[]): Uint8Array {
    if (this.#last && this.#fillIn(this.#last, values)) return copyOf(this.#last);
    this.#last = undefined;
    let text = this.#pieces[0] as string;
    for (const [i, value] of values.entries()) {
      const escaped = escapeXml(value);
      this.#values[i] = value;
      this.#places[i] = { startsAt: text.length, length: escaped.length };
      text += `${escaped}${this.#pieces[i + 1]}`;
    }
    const bytes = new TextEncoder().encode(text);
    if (bytes.length === text.length) this.#last = bytes.slice();
    return bytes;
  }

  #fillIn(document: Uint8Array, values: readonly string[]): boolean {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as string;
      if (value === this.#values[i]) continue;
      const { startsAt, length } = this.#places[i] as { startsAt: number; length: number };
      const escaped = escapeXml(value);
      if (escaped.length !== length || !writeAscii(escaped, document, startsAt)) return false;
      this.#values[i] = value;
    }
    return true;
  }
}

/** In a part of a larger array that nobody else has. */
function copyOf(document: Uint8Array): Uint8Array {
  const copy = cutBytes(document.length);
  copy.set(document);
  return copy;
}

/** False, with some of it written, if a character takes more than a byte. */
function writeAscii(text: string, into: Uint8Array, startsAt: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return false;
    into[startsAt + i] = code;
  }
  return true;
}

/** The pieces from after the name to the end tag: attributes, content. */
function layOut(form: Form, name: string, namespaces: NamespaceTable): string[] {
  const pieces = [""];
  const add = (text: string) => pieces.push(`${pieces.pop()}${text}`);
  for (const attribute of form.attributes) {
    add(` ${namespaces.spell(attribute)}="`);
    pieces.push('"');
  }
  add(">");
  if (form.names) add(form.names.map((each) => namespaces.spell(each)).join(" "));
  else pieces.push("");
  for (const child of form.children) {
    const childName = namespaces.spell(child);
    const [first = "", ...others] = layOut(child, childName, namespaces);
    add(`<${childName}${first}`);
    pieces.push(...others);
  }
  add(`</${name}>`);
  return pieces;
}

/** Prefixes of one document, filled as names come up. */
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
