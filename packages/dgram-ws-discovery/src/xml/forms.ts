/**
 * Reads documents that differ from an earlier one in their values alone without parsing them: the programs on one link
 * are few, and each writes nearly the same document again and again. What is given is what `readXml` gives.
 */
import type { ParsedElement, XmlAttribute } from "./element.ts";
import { decodeDocument, ReadElement, readXml } from "./read.ts";

/** Each costs a comparison with documents of a form that is not known. */
const MAX_FORMS = 8;
/** Bytes. Longer documents are not worth being remembered. */
const MAX_FORM_BYTES = 4_096;
const MAX_VALUES = 64;
/**
 * Learning a form costs as much as reading four times: only one in so many unknown documents is learnt from. Twice as
 * many after each time that nothing came of it.
 */
const LEARN_EVERY = 64;
const LEARN_EVERY_AT_MOST = 1_024;

export class FormReader {
  /** Those that are met often move to the front; a new one takes the last place. */
  readonly #forms: DocumentForm[] = [];
  /** Learnt last, and not met since. */
  #unproven: DocumentForm | undefined;
  #learnEvery = LEARN_EVERY;
  /** The very first is learnt from. */
  #untilLearning = 0;

  /** As `readXml` of `decodeDocument`. Elements may be those of an earlier document where they are the same. */
  read(bytes: Uint8Array): ParsedElement {
    const text = decodeDocument(bytes);
    // Otherwise places in the text are not places in the bytes.
    const isAscii = text.length === bytes.length;
    for (let i = 0; isAscii && i < this.#forms.length; i++) {
      const form = this.#forms[i] as DocumentForm;
      const root = form.read(bytes, text);
      if (!root) continue;
      if (i > 0) this.#forms.splice(i - 1, 2, form, this.#forms[i - 1] as DocumentForm);
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

/** Where a value stands in a document, and the character that ends it. */
interface Place {
  readonly from: number;
  readonly to: number;
  readonly end: string;
}

/** An element of the document that the form was learnt from. Values have numbers; -1 stands for what is none. */
interface Shape {
  readonly sample: ParsedElement;
  /** Of the attributes, in their order. */
  readonly attributeValues: readonly number[];
  readonly textValue: number;
  readonly children: readonly Shape[];
}

interface Value {
  /** What stands before it. */
  readonly piece: Uint8Array;
  /** As it was in the document that the form was learnt from. */
  readonly sample: Uint8Array;
  /** Code of the character that ends it. */
  readonly end: number;
  /** By code: 1 for what is copied as it is. */
  readonly plain: Uint8Array;
}

const samples = new WeakSet<ParsedElement>();

/** Whether it is given again and again, as part of documents of one form: what was made of it is worth keeping. */
export function isSample(element: ParsedElement): boolean {
  return samples.has(element);
}

class DocumentForm {
  readonly #values: readonly Value[];
  /** What stands after the last value. */
  readonly #tail: Uint8Array;
  readonly #root: Shape;

  constructor(values: readonly Value[], tail: Uint8Array, root: Shape) {
    this.#values = values;
    this.#tail = tail;
    this.#root = root;
  }

  /** Undefined for a document of another form, or with a value that takes more than to be copied. `text` is ASCII. */
  read(bytes: Uint8Array, text: string): ParsedElement | undefined {
    const changed: (string | undefined)[] = [];
    let at = 0;
    for (let i = 0; i < this.#values.length; i++) {
      const { piece, sample, end, plain } = this.#values[i] as Value;
      if (!startsWith(bytes, piece, at)) return undefined;
      at += piece.length;
      if (bytes[at + sample.length] === end && startsWith(bytes, sample, at)) {
        at += sample.length;
        changed.push(undefined);
        continue;
      }
      const from = at;
      while (plain[bytes[at] as number] === 1) at++;
      if (bytes[at] !== end) return undefined;
      changed.push(text.slice(from, at));
    }
    if (bytes.length !== at + this.#tail.length || !startsWith(bytes, this.#tail, at)) return undefined;
    return filled(this.#root, changed);
  }
}

/** From the end: documents of different programs begin alike. */
function startsWith(bytes: Uint8Array, piece: Uint8Array, at: number): boolean {
  for (let i = piece.length - 1; i >= 0; i--) if (bytes[at + i] !== piece[i]) return false;
  return true;
}

/** ASCII without markup, references and line ends that parsers change. */
const PLAIN_TEXT = codesOf(/[\t\n -%'-;=?-~]/);
const PLAIN_ATTRIBUTE = codesOf(/[ !#-%(-;=?-~]/);

function codesOf(characters: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (characters.test(String.fromCharCode(code)) ? 1 : 0));
}

/**
 * The form of a document that was read well; undefined if it has none that is simple enough. Marks are put in place of
 * its values and read in the ordinary way, which shows where in the tree each value belongs.
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

/** All character data with something in it, and all attributes but namespaces. Of what `readXml` took. */
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

/** Where the tag ends. */
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

/** Nothing else can be the like of it: all other text was replaced, too. */
function markOf(index: number): string {
  return `~${index}~`;
}

function indexOfMark(value: string): number {
  const mark = /^~(\d+)~$/.exec(value);
  if (mark) return Number(mark[1]);
  if (value.includes("~")) throw new TypeError("a value that is mixed with others");
  return -1;
}

/** `sample` is the same element as it was before the marks came. */
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
    children: marked.children.map((child, i) => shapeOf(child, sample.children[i] as ParsedElement, found)),
  };
}

/** The sample itself where nothing changed. */
function filled(shape: Shape, changed: readonly (string | undefined)[]): ParsedElement {
  const { sample, textValue, attributeValues } = shape;
  const text = textValue < 0 ? undefined : changed[textValue];
  let children: ParsedElement[] | undefined;
  for (let i = 0; i < shape.children.length; i++) {
    const child = filled(shape.children[i] as Shape, changed);
    if (child === sample.children[i]) continue;
    children ??= sample.children.slice();
    children[i] = child;
  }
  let attributes: XmlAttribute[] | undefined;
  for (let i = 0; i < attributeValues.length; i++) {
    const index = attributeValues[i] as number;
    const value = index < 0 ? undefined : changed[index];
    if (value === undefined) continue;
    attributes ??= sample.attributes.slice();
    const { uri, local } = sample.attributes[i] as XmlAttribute;
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

/** Of an element that is read by its sample, which knows them all. */
const NO_NAMESPACES: Readonly<Record<string, string>> = {};
