import { describe, expect, it } from "vitest";
import { decodeDocument, readXml } from "../../src/xml/read.ts";
import { codeOf, utf8 } from "../support.ts";

const read = (text: string) => readXml(decodeDocument(utf8(text)));

describe("readXml", () => {
  it("reads elements, attributes and text with their namespaces", () => {
    const root = read('<a:r xmlns:a="urn:a" x="1" a:y="2">one<![CDATA[ < ]]><b xmlns="urn:b"/>two</a:r>');
    expect(root).toMatchObject({
      uri: "urn:a",
      local: "r",
      attributes: [
        { uri: "", local: "x", value: "1" },
        { uri: "urn:a", local: "y", value: "2" },
      ],
      text: "one < two",
      children: [{ uri: "urn:b", local: "b", attributes: [], children: [], text: "" }],
    });
    const inner = root.children[0];
    expect(["a", "", "z", "toString"].map((prefix) => inner?.resolvePrefix(prefix))).toEqual([
      "urn:a",
      "urn:b",
      undefined,
      undefined,
    ]);
    expect(root.resolvePrefix("")).toBe("");
  });

  it("W-14 takes a byte order mark and a declaration in any case", () => {
    expect(read('\uFEFF<?xml version="1.0" encoding="UTF-8"?><r/>').local).toBe("r");
  });

  const deep = (levels: number) => "<r>".repeat(levels) + "</r>".repeat(levels);
  const wide = (elements: number) => `<r>${"<c/>".repeat(elements - 1)}</r>`;
  const attributes = (count: number) =>
    `<r ${Array.from({ length: count }, (_, i) => `a${i}="1"`).join(" ")}/>`;

  it("WSD-65 accepts documents at the limits", () => {
    expect(read(deep(32)).local).toBe("r");
    expect(read(wide(1_024)).children).toHaveLength(1_023);
    expect(read(attributes(64)).attributes).toHaveLength(64);
    expect(read(`<r>${"x".repeat(32_767 - 7)}</r>`).text).toHaveLength(32_760);
  });

  it.each([
    ["WSD_XML_LIMIT", deep(33)],
    ["WSD_XML_LIMIT", "<r>".repeat(10_000)],
    ["WSD_XML_LIMIT", wide(1_025)],
    ["WSD_XML_LIMIT", attributes(65)],
    ["WSD_TOO_LARGE", `<r>${"x".repeat(32_768 - 7)}</r>`],
    ["WSD_XML_DOCTYPE", "<!DOCTYPE r><r/>"],
    ["WSD_XML_DOCTYPE", '<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>'],
    ["WSD_XML_DOCTYPE", '<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>'],
    ["WSD_XML_MALFORMED", "<r>&a;</r>"],
    ["WSD_XML_MALFORMED", "<r>"],
    ["WSD_XML_MALFORMED", "<r></s>"],
    ["WSD_XML_MALFORMED", "<r/><r/>"],
    ["WSD_XML_MALFORMED", "<p:r/>"],
    ["WSD_XML_MALFORMED", "<r a='1' a='2'/>"],
    ["WSD_XML_MALFORMED", "<r>\u0001</r>"],
    ["WSD_XML_MALFORMED", "<r>&#0;</r>"],
    ["WSD_XML_MALFORMED", ""],
    ["WSD_XML_MALFORMED", "plain text"],
    ["WSD_ENCODING", '<?xml version="1.0" encoding="utf-16"?><r/>'],
    ["WSD_ENCODING", '<?xml version="1.0" encoding="iso-8859-1"?><r/>'],
  ])("WSD-65 refuses with %s: %.40s", (code, document) => {
    expect(codeOf(() => read(document))).toBe(code);
  });

  it("WSD-65 refuses bytes that are no UTF-8", () => {
    expect(codeOf(() => decodeDocument(Uint8Array.of(0x3c, 0x72, 0xff, 0x2f, 0x3e)))).toBe("WSD_ENCODING");
    expect(codeOf(() => decodeDocument(new Uint8Array(Buffer.from("\uFEFF<r/>", "utf16le"))))).toBe(
      "WSD_ENCODING",
    );
  });

  it("one document leaves nothing behind for the next, however it ended", () => {
    const good = () => {
      expect(read('<a xmlns:p="urn:p"><p:b>text</p:b></a>')).toMatchObject({ children: [{ uri: "urn:p" }] });
      expect(read("<!--c--><?pi x?><a/>")).toMatchObject({ local: "a", children: [], text: "" });
    };
    good();
    for (const bad of [
      "<p:a/>",
      "<a><b>",
      "<a>&lt",
      "<!DOCTYPE a><a/>",
      "<a></b>",
      "<a b='",
      '<?xml version="1.1"?><a>\u0085',
    ]) {
      expect(codeOf(() => read(bad))).toMatch(/^WSD_XML/);
      good();
    }
    expect(read('<?xml version="1.1"?><a>&#1;</a>').text).toBe("\u0001");
    expect(codeOf(() => read("<a>&#1;</a>"))).toBe("WSD_XML_MALFORMED");
  });
});
