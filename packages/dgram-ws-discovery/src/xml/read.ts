/** Reads a bounded XML document from bytes that nobody vouches for. */
import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from "saxes";
import { WsDiscoveryError } from "../errors.ts";
import { MAX_MESSAGE_BYTES, MAX_XML_ATTRIBUTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS } from "../limits.ts";
import type { ParsedElement, XmlAttribute } from "./element.ts";

const XMLNS = "http://www.w3.org/2000/xmlns/";

/** The class of all elements, from either reader: code that looks at one class of objects runs faster. */
export class ReadElement implements ParsedElement {
  readonly uri: string;
  readonly local: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: ParsedElement[];
  text: string;
  readonly #namespaces: Readonly<Record<string, string>>;
  readonly #outer: ParsedElement | undefined;

  /** `namespaces`: prefixes declared on this element; `outer` resolves the others. */
  constructor(
    { uri, local, attributes, children, text }: Omit<ParsedElement, "resolvePrefix">,
    namespaces: Readonly<Record<string, string>>,
    outer: ParsedElement | undefined,
  ) {
    this.uri = uri;
    this.local = local;
    this.attributes = attributes;
    this.children = children as ParsedElement[];
    this.text = text;
    this.#namespaces = namespaces;
    this.#outer = outer;
  }

  resolvePrefix(prefix: string): string | undefined {
    if (Object.hasOwn(this.#namespaces, prefix)) return this.#namespaces[prefix];
    if (this.#outer) return this.#outer.resolvePrefix(prefix);
    return prefix === "" ? "" : undefined;
  }
}

/** Drops a byte order mark. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A datagram as text. Throws `WsDiscoveryError` with `WSD_TOO_LARGE` or `WSD_ENCODING`. */
export function decodeDocument(bytes: Uint8Array): string {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new WsDiscoveryError(
      "WSD_TOO_LARGE",
      `${bytes.length} bytes, at most ${MAX_MESSAGE_BYTES} are read`,
    );
  }
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new WsDiscoveryError("WSD_ENCODING", "not UTF-8", { cause: error });
  }
}

/**
 * The root element of a decoded document. Throws `WsDiscoveryError` with `WSD_ENCODING`, `WSD_XML_MALFORMED`,
 * `WSD_XML_DOCTYPE` or `WSD_XML_LIMIT`, and nothing else.
 */
export function readXml(text: string): ParsedElement {
  const reader = idle ?? new XmlReader();
  idle = undefined;
  try {
    const root = reader.read(text);
    idle = reader;
    return root;
  } catch (error) {
    if (error instanceof WsDiscoveryError) throw error;
    throw new WsDiscoveryError("WSD_XML_MALFORMED", error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/** The reader of the last document, kept because reuse is faster. One that failed cannot be reused. */
let idle: XmlReader | undefined;

/**
 * `on` sets a property by a computed name. If that adds the property, V8 gives the parser a slow representation, at a
 * fifth of the speed; so all handler properties are there from the start.
 */
function newParser(): SaxesParser<{ xmlns: true }> {
  const parser = new SaxesParser<{ xmlns: true; position: false }>({ xmlns: true, position: false });
  const slots = parser as unknown as Record<HandlerSlot, undefined>;
  slots.xmldeclHandler = undefined;
  slots.doctypeHandler = undefined;
  slots.openTagStartHandler = undefined;
  slots.attributeHandler = undefined;
  slots.openTagHandler = undefined;
  slots.closeTagHandler = undefined;
  slots.textHandler = undefined;
  slots.cdataHandler = undefined;
  return parser;
}

type HandlerSlot =
  | "xmldeclHandler"
  | "doctypeHandler"
  | "openTagStartHandler"
  | "attributeHandler"
  | "openTagHandler"
  | "closeTagHandler"
  | "textHandler"
  | "cdataHandler";

class XmlReader {
  readonly #parser = newParser();
  #open: ReadElement[] = [];
  #root: ReadElement | undefined;
  #depth = 0;
  #elements = 0;
  #attributes = 0;

  constructor() {
    const parser = this.#parser;
    parser.on("xmldecl", ({ encoding }) => {
      if (encoding !== undefined && !/^(utf-8|us-ascii)$/i.test(encoding)) {
        throw new WsDiscoveryError("WSD_ENCODING", "declares an encoding other than UTF-8");
      }
    });
    parser.on("doctype", () => {
      throw new WsDiscoveryError("WSD_XML_DOCTYPE", "a DTD is refused");
    });
    parser.on("opentagstart", () => this.#onTagStart());
    parser.on("attribute", () => {
      this.#attributes++;
      if (this.#attributes > MAX_XML_ATTRIBUTES) {
        limit(`more than ${MAX_XML_ATTRIBUTES} attributes on one element`);
      }
    });
    parser.on("opentag", (tag) => this.#onTag(tag));
    parser.on("closetag", () => {
      this.#open.pop();
      this.#depth--;
    });
    parser.on("text", (piece) => this.#onText(piece));
    parser.on("cdata", (piece) => this.#onText(piece));
  }

  read(text: string): ParsedElement {
    this.#open = [];
    this.#root = undefined;
    this.#depth = 0;
    this.#elements = 0;
    this.#parser.write(text).close();
    if (!this.#root) throw new WsDiscoveryError("WSD_XML_MALFORMED", "no element");
    return this.#root;
  }

  /** Checks the limits before attributes are read: looking up namespaces takes time quadratic in the depth. */
  #onTagStart(): void {
    this.#depth++;
    this.#elements++;
    this.#attributes = 0;
    if (this.#depth > MAX_XML_DEPTH) limit(`nested deeper than ${MAX_XML_DEPTH}`);
    if (this.#elements > MAX_XML_ELEMENTS) limit(`more than ${MAX_XML_ELEMENTS} elements`);
  }

  #onTag(tag: SaxesTagNS): void {
    const parent = this.#open.at(-1);
    const element = toElement(tag, parent);
    if (parent) parent.children.push(element);
    else this.#root = element;
    this.#open.push(element);
  }

  #onText(piece: string): void {
    const element = this.#open.at(-1);
    if (element) element.text += piece;
  }
}

function limit(message: string): never {
  throw new WsDiscoveryError("WSD_XML_LIMIT", message);
}

const NO_ATTRIBUTES: readonly XmlAttribute[] = [];

function toElement(tag: SaxesTagNS, parent: ReadElement | undefined): ReadElement {
  let attributes: XmlAttribute[] | undefined;
  for (const name in tag.attributes) {
    const { uri, local, value } = tag.attributes[name] as SaxesAttributeNS;
    if (uri === XMLNS) continue;
    attributes ??= [];
    attributes.push({ uri, local, value });
  }
  const { uri, local, ns } = tag;
  return new ReadElement(
    { uri, local, attributes: attributes ?? NO_ATTRIBUTES, children: [], text: "" },
    ns,
    parent,
  );
}
