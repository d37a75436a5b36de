/** Reads one bounded XML document from bytes that came from anywhere. */
import { SaxesParser, type SaxesTagNS } from "saxes";
import { WsDiscoveryError } from "../errors.ts";
import { MAX_MESSAGE_BYTES, MAX_XML_ATTRIBUTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS } from "../limits.ts";
import type { ParsedElement, XmlAttribute } from "./element.ts";

const XMLNS = "http://www.w3.org/2000/xmlns/";

interface OpenElement extends ParsedElement {
  readonly children: OpenElement[];
  text: string;
}

/**
 * The root element. Throws `WsDiscoveryError` with `WSD_TOO_LARGE`, `WSD_ENCODING`, `WSD_XML_MALFORMED`,
 * `WSD_XML_DOCTYPE` or `WSD_XML_LIMIT`, and nothing else.
 */
export function readXml(bytes: Uint8Array): ParsedElement {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new WsDiscoveryError(
      "WSD_TOO_LARGE",
      `${bytes.length} bytes, at most ${MAX_MESSAGE_BYTES} are read`,
    );
  }
  const text = decodeUtf8(bytes);
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof WsDiscoveryError) throw error;
    throw new WsDiscoveryError("WSD_XML_MALFORMED", error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // Takes a byte order mark away, too.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new WsDiscoveryError("WSD_ENCODING", "not UTF-8", { cause: error });
  }
}

function parse(text: string): ParsedElement {
  const parser = new SaxesParser({ xmlns: true, position: false });
  const open: OpenElement[] = [];
  let root: OpenElement | undefined;
  let depth = 0;
  let elements = 0;
  let attributes = 0;

  parser.on("xmldecl", ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-8|us-ascii)$/i.test(encoding)) {
      throw new WsDiscoveryError("WSD_ENCODING", "declares an encoding other than UTF-8");
    }
  });
  parser.on("doctype", () => {
    throw new WsDiscoveryError("WSD_XML_DOCTYPE", "a DTD is refused");
  });
  // Before the attributes are read: namespaces of a deep document cost time that grows with its square.
  parser.on("opentagstart", () => {
    depth++;
    elements++;
    attributes = 0;
    if (depth > MAX_XML_DEPTH) limit(`nested deeper than ${MAX_XML_DEPTH}`);
    if (elements > MAX_XML_ELEMENTS) limit(`more than ${MAX_XML_ELEMENTS} elements`);
  });
  parser.on("attribute", () => {
    attributes++;
    if (attributes > MAX_XML_ATTRIBUTES) limit(`more than ${MAX_XML_ATTRIBUTES} attributes on one element`);
  });
  parser.on("opentag", (tag) => {
    const parent = open.at(-1);
    const element = toElement(tag, parent);
    if (parent) parent.children.push(element);
    else root = element;
    open.push(element);
  });
  parser.on("closetag", () => {
    open.pop();
    depth--;
  });
  const onText = (piece: string) => {
    const element = open.at(-1);
    if (element) element.text += piece;
  };
  parser.on("text", onText);
  parser.on("cdata", onText);
  parser.write(text).close();
  if (!root) throw new WsDiscoveryError("WSD_XML_MALFORMED", "no element");
  return root;
}

function limit(message: string): never {
  throw new WsDiscoveryError("WSD_XML_LIMIT", message);
}

function toElement(tag: SaxesTagNS, parent: ParsedElement | undefined): OpenElement {
  const attributes: XmlAttribute[] = [];
  for (const { uri, local, value } of Object.values(tag.attributes)) {
    if (uri !== XMLNS) attributes.push({ uri, local, value });
  }
  const { ns } = tag;
  return {
    uri: tag.uri,
    local: tag.local,
    attributes,
    children: [],
    text: "",
    resolvePrefix: (prefix) =>
      Object.hasOwn(ns, prefix) ? ns[prefix] : prefix === "" && !parent ? "" : parent?.resolvePrefix(prefix),
  };
}
