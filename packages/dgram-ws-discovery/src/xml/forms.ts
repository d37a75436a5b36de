/**
 * Reads a document without parsing it, if it differs from an earlier one only in its values. There are few programs on
 * one link, and each of them sends nearly the same document again and again. A "form" is what such documents have in
 * common: the bytes between their values, and the tree they make. The result is always that of `readXml`.
 */
import type { ParsedElement, XmlAttribute } from "./element.ts";
import { decodeDocument, ReadElement, readXml } from "./read.ts";

/** A document of no known form is compared with each form in vain. */
const MAX_FORMS = 8;
/** Of longer documents no form is made. */
const MAX_FORM_BYTES = 4_096;
/** Of documents with more values no form is made. */
const MAX_VALUES = 64;
/**
 * Making a form costs as much as parsing four documents, so only one in `LEARN_EVERY` unknown documents is made into
 * one. Whenever the last new form was never met again, the number doubles, up to `LEARN_EVERY_AT_MOST`.
 */
const LEARN_EVERY = 64;
const LEARN_EVERY_AT_MOST = 1_024;

export class FormReader {
  /** A form that matches moves one place forward; a new one takes the last place. */
  readonly #forms: DocumentForm[] = [];
  /** The newest form, until a document matches it. */
  #unproven: DocumentForm | undefined;
  #learnEvery = LEARN_EVERY;
  /** Unknown documents to let pass before the next form is made. The very first document makes one. */
  #untilLearning = 0;

  /** The same as `readXml(decodeDocument(bytes))`. Elements that equal those of an earlier document may be shared. */
  read(bytes: Uint8Array): ParsedElement {
    const text = decodeDocument(bytes);
    // Only then is an index into the text an index into the bytes.
    const isAscii = text.length === bytes.length;
    for (let i = 0; isAscii && i < this.#forms.length; i++) {
      const form = this.#forms[i]!;
      const root = form.read(bytes, text);
      if (!root) continue;
      if (i > 0) this.#forms.splice(i - 1, 2, form, this.#forms[i - 1]!);
      if (form === this.#unproven) {
        this.#unproven = undefined;
        this.#learnEvery = LEARN_EVERY;
      }
      return root;
    }
    const root = readXml(text);
    if (this.#untilLearning > 0) this.#untilLearning--;
    else if (isAscii && text.length <= MAX_FORM_BYTES) this.#learn(text);
    return root;
  }

  #learn(text: string): void {
    if (this.#unproven) this.#learnEvery = Math.min(2 * this.#learnEvery, LEARN_EVERY_AT_MOST);
    this.#untilLearning = this.#learnEvery - 1;
    const form = formOf(text);
    if (!form) return;
    if (this.#forms.length === MAX_FORMS) this.#forms.pop();
    this.#forms.push(form);
    this.#unproven = form;
  }
}

/** Where a value stands in a document (`from` included, `to` not), and the character that follows it. */
interface Place {
  readonly from: number;
  readonly to: number;
  readonly end: string;
}

/** One element of a form. Values are numbered in document order; -1 is a text or attribute that never changes. */
interface Shape {
  /** The element as it was in the document that the form was made of. */
  readonly sample: ParsedElement;
  /** The number of each attribute's value, in the order of the attributes. */
  readonly attributeValues: readonly number[];
  readonly textValue: number;
  readonly children: readonly Shape[];
}

/** One value of a form, with the bytes before it. */
interface Value {
  /** The fixed bytes between the value before, or the start of the document, and this one. */
  readonly piece: Uint8Array;
  /** The value in the document that the form was made of. */
  readonly sample: Uint8Array;
  /** Code of the character that follows the value: `<` or a quote. */
  readonly end: number;
  /** 1 at the code of each character that a parser would take as it is. */
  readonly plain: Uint8Array;
}

const samples = new WeakSet<ParsedElement>();

/** Whether the element belongs to a form, and so is given for many documents: what is derived from it may be cached. */
export function isSample(element: ParsedElement): boolean {
  return samples.has(element);
}

class DocumentForm {
  readonly #values: readonly Value[];
  /** The fixed bytes after the last value. */
  readonly #tail: Uint8Array;
  readonly #root: Shape;

  constructor(values: readonly Value[], tail: Uint8Array, root: Shape) {
    this.#values = values;
    this.#tail = tail;
    this.#root = root;
  }

  /**
   * Undefined for a document of another form, and for one with a value that a parser would change (an entity, say).
   * `text` is `bytes` decoded, all of it ASCII.
   */
  read(bytes: Uint8Array, text: string): ParsedElement | undefined {
    const changed: (string | undefined)[] = [];
    let at = 0;
    for (let i = 0; i < this.#values.length; i++) {
      const { piece, sample, end, plain } = this.#values[i]!;
      if (!startsWith(bytes, piece, at)) return undefined;
      at += piece.length;
      if (bytes[at + sample.length] === end && startsWith(bytes, sample, at)) {
        at += sample.length;
        changed.push(undefined);
        continue;
      }
      const from = at;
      // Past the end of `bytes` nothing is plain, so this ends there.
      while (plain[bytes[at]!] === 1) at++;
      if (bytes[at] !== end) return undefined;
      changed.push(text.slice(from, at));
    }
    if (bytes.length !== at + this.#tail.length || !startsWith(bytes, this.#tail, at)) return undefined;
    return filled(this.#root, changed);
  }
}

/** Whether `piece` stands at `at`. Compares from the end, since documents of different programs begin alike. */
function startsWith(bytes: Uint8Array, piece: Uint8Array, at: number): boolean {
  for (let i = piece.length - 1; i >= 0; i--) if (bytes[at + i] !== piece[i]) return false;
  return true;
}

/** ASCII without markup, references, and the line ends that parsers change. */
const PLAIN_TEXT = codesOf(/[\t\n -%'-;=?-~]/);
const PLAIN_ATTRIBUTE = codesOf(/[ !#-%(-;=?-~]/);

function codesOf(characters: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (characters.test(String.fromCharCode(code)) ? 1 : 0));
}

/**
 * The form of a document that `readXml` has accepted; undefined if it is not simple enough. Each value is replaced by a
 * mark with its number, and the result is parsed: where a mark comes out in the tree, that value belongs.
 */
function formOf(text: string): DocumentForm | undefined {
  const places = placesOfValues(text);
  if (!places || places.length === 0 || places.length > MAX_VALUES) return undefined;
  const encoder = new TextEncoder();
  const values: Value[] = [];
  const samples: string[] = [];
  let marked = "";
  let before = 0;
  for (const [i, { from, to, end }] of places.entries()) {
    const piece = text.slice(before, from);
    const sample = text.slice(from, to);
    marked += piece + markOf(i);
    samples.push(sample);
    values.push({
      piece: encoder.encode(piece),
      sample: encoder.encode(sample),
      end: end.charCodeAt(0),
      plain: end === "<" ? PLAIN_TEXT : PLAIN_ATTRIBUTE,
    });
    before = to;
  }
  const tail = text.slice(before);
  const found = new Set<number>();
  try {
    const root = shapeOf(readXml(marked + tail), readXml(text), found);
    return found.size === places.length ? new DocumentForm(values, encoder.encode(tail), root) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * All text that is more than white space, and all attribute values but those of namespace declarations, in document
 * order. Undefined if there is a comment, a CDATA section or a processing instruction. The text has to be well-formed.
 */
function placesOfValues(text: string): Place[] | undefined {
  const places: Place[] = [];
  let at = text.startsWith("<?xml") ? text.indexOf("?>") + 2 : 0;
  for (;;) {
    const tag = text.indexOf("<", at);
    if (tag < 0) return places;
    if (/[^ \t\r\n]/.test(text.slice(at, tag))) places.push({ from: at, to: tag, end: "<" });
    const next = text[tag + 1];
    if (next === "!" || next === "?") return undefined;
    const name = /[^\s/>]+/y;
    name.lastIndex = tag + 1;
    name.test(text);
    at = next === "/" ? text.indexOf(">", tag) : addAttributes(text, name.lastIndex, places);
    if (text[at] === "/") at++;
    if (text[at] !== ">") return undefined;
    at++;
  }
}

/** Adds the attribute values of one tag to `places`. Gives the index of its `/` or `>`. */
function addAttributes(text: string, start: number, places: Place[]): number {
  const attribute = /[ \t\r\n]*(?:([^\s=/>]+)[ \t\r\n]*=[ \t\r\n]*(["']))?/y;
  for (let at = start; ; ) {
    attribute.lastIndex = at;
    const [, name, quote] = attribute.exec(text) ?? [];
    at = attribute.lastIndex;
    if (name === undefined || quote === undefined) return at;
    const to = text.indexOf(quote, at);
    if (!/^xmlns(?::|$)/.test(name)) places.push({ from: at, to, end: quote });
    at = to + 1;
  }
}

/** Cannot be confused with text of the document: no text is left beside the marks. */
function markOf(index: number): string {
  return `~${index}~`;
}

function indexOfMark(value: string): number {
  const mark = /^~(\d+)~$/.exec(value);
  if (mark) return Number(mark[1]);
  if (value.includes("~")) throw new TypeError("a text in several parts");
  return -1;
}

/** `marked` and `sample` are the same element, with marks and with its values. Throws if a text has several parts. */
function shapeOf(marked: ParsedElement, sample: ParsedElement, found: Set<number>): Shape {
  samples.add(sample);
  const numberOf = (value: string): number => {
    const index = indexOfMark(value);
    if (index >= 0) found.add(index);
    return index;
  };
  return {
    sample,
    attributeValues: marked.attributes.map(({ value }) => numberOf(value)),
    textValue: numberOf(marked.text),
    children: marked.children.map((child, i) => shapeOf(child, sample.children[i]!, found)),
  };
}

/** The element with these values, `undefined` for one that is the sample's. The sample itself if all of them are. */
function filled(shape: Shape, changed: readonly (string | undefined)[]): ParsedElement {
  const { sample, textValue, attributeValues } = shape;
  const text = textValue < 0 ? undefined : changed[textValue];
  let children: ParsedElement[] | undefined;
  for (let i = 0; i < shape.children.length; i++) {
    const child = filled(shape.children[i]!, changed);
    if (child === sample.children[i]) continue;
    children ??= sample.children.slice();
    children[i] = child;
  }
  let attributes: XmlAttribute[] | undefined;
  for (let i = 0; i < attributeValues.length; i++) {
    const index = attributeValues[i]!;
    const value = index < 0 ? undefined : changed[index];
    if (value === undefined) continue;
    attributes ??= sample.attributes.slice();
    const { uri, local } = sample.attributes[i]!;
    attributes[i] = { uri, local, value };
  }
  if (text === undefined && !children && !attributes) return sample;
  return new ReadElement(
    {
      uri: sample.uri,
      local: sample.local,
      attributes: attributes ?? sample.attributes,
      children: children ?? sample.children,
      text: text ?? sample.text,
    },
    NO_NAMESPACES,
    sample,
  );
}

/** For an element that resolves its prefixes by its sample. */
const NO_NAMESPACES: Readonly<Record<string, string>> = {};
