/** What is read by form is what the parser gives, or is left to the parser. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMessage, writeMessage } from "../../src/index.ts";
import { MessageReader } from "../../src/message/read.ts";
import type { ParsedElement } from "../../src/xml/element.ts";
import { FormReader } from "../../src/xml/forms.ts";
import { readXml } from "../../src/xml/read.ts";
import { codeOf, PRINTER, utf8 } from "../support.ts";
import vectors from "../vectors/messages.json" with { type: "json" };
import onvif from "../vectors/onvif-probes.json" with { type: "json" };

/** Without what cannot be compared. */
function plainTree({ uri, local, attributes, children, text }: ParsedElement): object {
  return { uri, local, attributes, text, children: children.map(plainTree) };
}

const parsed = (text: string) => plainTree(readXml(text));

/** A reader that has met this document. */
function readerOf(...texts: readonly string[]): FormReader {
  const reader = new FormReader();
  for (const text of texts) reader.read(utf8(text));
  return reader;
}

/** The tree, if it was given without the parser: an element that does not change is then the very same. */
function byForm(reader: FormReader, text: string): ParsedElement | undefined {
  const [once, again] = [reader.read(utf8(text)), reader.read(utf8(text))];
  return once.children.some((child, i) => child === again.children[i]) ? again : undefined;
}

const FIXED = "<fixed/>";
const KNOWN = `<?xml version="1.0" encoding="utf-8"?><a:r xmlns:a="urn:a" x="1" a:y='2'>${FIXED}<a:b>one</a:b>\n  <c z="3">two</c></a:r>`;

describe("documents of a known form", () => {
  it.each([
    ["the same", KNOWN],
    ["other values", KNOWN.replace("one", "a longer one").replace('"3"', '""')],
    ["white space and quotes", KNOWN.replace("one", " a\n\t\"b' ")],
  ])("WSD-59 %s are read without the parser", (_, text) => {
    const reader = readerOf(KNOWN.replace('x="1"', 'x="0"'));
    const root = byForm(reader, text);
    expect(root && plainTree(root)).toEqual(parsed(text));
    expect(root?.resolvePrefix("a")).toBe("urn:a");
  });

  it.each([
    ["another prefix", KNOWN.replaceAll("a:", "d:").replace("xmlns:a", "xmlns:d")],
    ["another namespace", KNOWN.replace("urn:a", "urn:b")],
    ["a reference", KNOWN.replace("one", "o&amp;e")],
    ["a comment", KNOWN.replace("one", "<!-- -->one")],
    ["a child in place of text", KNOWN.replace("one", "<d/>")],
    ["CDATA", KNOWN.replace("two", "<![CDATA[two]]>")],
    ["a carriage return", KNOWN.replace("one", "o\r\ne")],
    ["a line end in an attribute", KNOWN.replace('"3"', '"3\n"')],
    ["letters beyond ASCII", KNOWN.replace("one", "önë")],
    ["a greater-than sign", KNOWN.replace("two", "t>o")],
    ["no text where there was some", KNOWN.replace("one", "")],
    ["a byte order mark", `\uFEFF${KNOWN}`],
  ])("WSD-59 %s is read as it always was", (_, text) => {
    expect(plainTree(readerOf(KNOWN).read(utf8(text)))).toEqual(parsed(text));
  });

  it.each([
    ["cut short", KNOWN.slice(0, -1), "WSD_XML_MALFORMED"],
    ["more after the end", `${KNOWN}x`, "WSD_XML_MALFORMED"],
    ["an open tag", KNOWN.replace("two", "<two"), "WSD_XML_MALFORMED"],
    ["a control character", KNOWN.replace("one", "\u0001"), "WSD_XML_MALFORMED"],
    ["the end of CDATA", KNOWN.replace("one", "]]>"), "WSD_XML_MALFORMED"],
    ["a DTD", KNOWN.replace("<a:r", "<!DOCTYPE r><a:r"), "WSD_XML_DOCTYPE"],
    ["another encoding", KNOWN.replace("utf-8", "utf-16"), "WSD_ENCODING"],
    ["too long a value", KNOWN.replace("one", "1".repeat(40_000)), "WSD_TOO_LARGE"],
  ])("WSD-63 WSD-65 %s is refused as it always was", (_, text, code) => {
    expect(codeOf(() => readerOf(KNOWN).read(utf8(text)))).toBe(code);
  });

  it.each([
    ["text in two parts", "<r><a>one<b/>two</a></r>"],
    ["a comment that has the value, too", "<r><!-- >one< --><a>o<!-- -->ne</a></r>"],
    ["a value of marks", "<r><a>~0~</a><b>~1~</b></r>"],
    ["no value at all", "<r><a/></r>"],
    ["a processing instruction", "<r><?x y?><a>one</a></r>"],
  ])("nothing wrong is learnt from %s", (_, text) => {
    const reader = readerOf(text);
    for (const other of [
      text,
      text.replace("one", "1"),
      text.replace("ne", "x"),
      text.replace("~1~", "~0~"),
    ]) {
      expect(plainTree(reader.read(utf8(other)))).toEqual(parsed(other));
    }
  });

  it("a flood of others does not push out what is met often", () => {
    const reader = readerOf(KNOWN, KNOWN);
    for (let n = 0; n < 2_000; n++) reader.read(utf8(`<r${n}><a>x</a></r${n}>`));
    expect(byForm(reader, KNOWN.replace("one", "1"))).toBeDefined();
  });

  it("after a flood of which nothing came, what is met often is learnt all the same", () => {
    const reader = new FormReader();
    for (let n = 0; n < 2_000; n++) reader.read(utf8(`<r${n}><a>x</a></r${n}>`));
    for (let n = 0; n < 1_024; n++) reader.read(utf8(KNOWN));
    expect(byForm(reader, KNOWN.replace("one", "1"))).toBeDefined();
  });
});

describe("messages", () => {
  const texts = [...Object.values(vectors.messages).map(({ xml }) => xml), ...Object.values(onvif.probes)];
  /** What each gives, or the code of its error. */
  const outcome = (read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown => {
    try {
      return JSON.parse(JSON.stringify(read(bytes)));
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it("WSD-59 WSD-63 edited in any way, give the same with and without known forms", () => {
    const edits = fc.array(
      fc.record({
        at: fc.nat(2_000),
        remove: fc.nat(12),
        insert: fc.oneof(
          fc.string({ maxLength: 4 }),
          fc.constantFrom(
            "<",
            ">",
            "&",
            '"',
            "'",
            "]]>",
            "<!--",
            "&lt;",
            "~0~",
            "é",
            "\r",
            "</",
            "/>",
            "xmlns='u'",
          ),
        ),
      }),
      { maxLength: 2 },
    );
    const reader = new MessageReader();
    for (const text of texts) for (let n = 0; n < 65; n++) reader.read(utf8(text));
    fc.assert(
      fc.property(fc.constantFrom(...texts), edits, (text, changes) => {
        let edited = text;
        for (const { at, remove, insert } of changes) {
          const from = at % edited.length;
          edited = edited.slice(0, from) + insert + edited.slice(from + remove);
        }
        const bytes = utf8(edited);
        expect(outcome((b) => reader.read(b), bytes)).toEqual(outcome(readMessage, bytes));
      }),
      { numRuns: 400 },
    );
  });

  it("WSD-31 WSD-32 with other values, give the same, types and rules and all", () => {
    const reader = new MessageReader();
    const word = fc.stringMatching(/^[!-~]{1,30}$/);
    fc.assert(
      fc.property(
        word,
        fc.array(word, { maxLength: 3 }),
        fc.option(word),
        word,
        (id, scopes, matchBy, local) => {
          const type = /^[a-z]+$/i.test(local) ? { uri: PRINTER.uri, local } : PRINTER;
          const bytes = writeMessage({
            version: "2005/04",
            kind: "Probe",
            messageId: `urn:x:${id}`,
            probe: { types: [type], scopes, ...(matchBy !== null && { matchBy }) },
          });
          expect(outcome((b) => reader.read(b), bytes)).toEqual(outcome(readMessage, bytes));
        },
      ),
    );
  });
});
