/** XML as far as discovery needs it: elements, attributes, text. No comments, no mixed content, no DTD. */

export interface QName {
  /** Namespace; empty for none. */
  readonly uri: string;
  /** Name without prefix. */
  readonly local: string;
}

export interface XmlAttribute extends QName {
  readonly value: string;
}

export interface XmlElement extends QName {
  readonly attributes?: readonly XmlAttribute[];
  readonly children?: readonly XmlElement[];
  /** All character data directly inside, joined. */
  readonly text?: string;
}

/** An element as it was read: nothing is left out, and prefixes in its text can still be resolved. */
export interface ParsedElement extends XmlElement {
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly ParsedElement[];
  readonly text: string;
  /** The namespace of a prefix where this element stands; "" asks for the default one. */
  resolvePrefix(prefix: string): string | undefined;
}

export function sameName(a: QName, b: QName): boolean {
  return a.local === b.local && a.uri === b.uri;
}

/** The white space of XML 1.0, production 3; narrower than what `trim` takes away. */
const SPACE = /[ \t\r\n]+/;
const SPACES = [" ", "\n", "\t", "\r"];

export function trimXml(text: string): string {
  // The usual case, without a copy.
  if (text.charCodeAt(0) > 0x20 && text.charCodeAt(text.length - 1) > 0x20) return text;
  return text.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");
}

/** The items of a list type, which white space separates. */
export function splitList(text: string): string[] {
  // Four searches for one character each are many times as fast as one for any of four.
  if (text !== "" && !SPACES.some((space) => text.includes(space))) return [text];
  return text.split(SPACE).filter((item) => item !== "");
}
