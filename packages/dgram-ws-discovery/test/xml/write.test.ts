import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { QName, XmlElement } from "../../src/index.ts";
import { decodeDocument, readXml } from "../../src/xml/read.ts";
import { XmlWriter } from "../../src/xml/write.ts";
import { codeOf, text } from "../support.ts";

const write = (element: XmlElement, prefixes = {}) => text(new XmlWriter(prefixes).write(element));
const HEAD = '<?xml version="1.0" encoding="utf-8"?>';

describe("writeXml", () => {
  it("declares every namespace on the root, those without prefix too", () => {
    const element = {
      uri: "urn:a",
      local: "r",
      children: [{ uri: "urn:b", local: "c", attributes: [{ uri: "urn:c", local: "d", value: "e" }] }],
    };
    expect(write(element, { a: "urn:a", ns1: "urn:x" })).toBe(
      `${HEAD}<a:r xmlns:a="urn:a" xmlns:ns1="urn:x" xmlns:ns2="urn:b" xmlns:ns3="urn:c"><ns2:c ns3:d="e"></ns2:c></a:r>`,
    );
  });

  it("gives known namespaces their customary prefix, unless that is taken", () => {
    const element = { uri: "http://schemas.xmlsoap.org/ws/2006/02/devprof", local: "Device" };
    expect(write(element)).toBe(`${HEAD}<wsdp:Device xmlns:wsdp="${element.uri}"></wsdp:Device>`);
    expect(write(element, { wsdp: "urn:x" })).toContain("<ns1:Device ");
  });

  it.each([
    ["text", { uri: "", local: "r", text: "a\u0000b" }],
    ["text", { uri: "", local: "r", text: "a\ud800b" }],
    ["element name", { uri: "", local: "r s" }],
    ["element name", { uri: "", local: "a:b" }],
    ["attribute value", { uri: "", local: "r", attributes: [{ uri: "", local: "a", value: "\u000b" }] }],
    ["attribute name", { uri: "", local: "r", attributes: [{ uri: "", local: "1", value: "" }] }],
  ])("refuses a bad %s", (_, element) => {
    expect(codeOf(() => write(element))).toBe("WSD_WRITE_VALUE");
  });

  it("writes a document of the form of an earlier one as if it were the first", () => {
    const value = fc.constantFrom("", "a", "b", "ab", "&", "é", "\u{1f600}", "x".repeat(5_000));
    const name = fc.constantFrom({ uri: "urn:a", local: "n" }, { uri: "urn:b", local: "m" });
    const document = fc.record({
      form: fc.nat(5),
      name,
      values: fc.array(value, { minLength: 3, maxLength: 3 }),
    });
    const element = ({ form, name: type, values: [first = "", second = "", third = ""] }: DocumentOf) => ({
      uri: "urn:a",
      local: `r${form}`,
      attributes: [{ uri: "", local: "a", value: first }],
      text: second,
      children: [
        { uri: "urn:b", local: "c", text: third },
        { uri: "urn:a", local: "t", names: [type] },
      ],
    });
    type DocumentOf = { readonly form: number; readonly name: QName; readonly values: readonly string[] };
    fc.assert(
      fc.property(fc.array(document, { maxLength: 20 }), (documents) => {
        const writer = new XmlWriter({ a: "urn:a" });
        for (const each of documents) {
          const again = new XmlWriter({ a: "urn:a" }).write(element(each));
          expect(text(writer.write(element(each)))).toBe(text(again));
        }
      }),
    );
  });

  it("a value that is refused spoils nothing for the next document", () => {
    const writer = new XmlWriter({});
    const two = (first: string, second: string) => ({
      uri: "",
      local: "r",
      attributes: [{ uri: "", local: "a", value: first }],
      text: second,
    });
    expect(text(writer.write(two("1", "2")))).toBe(`${HEAD}<r a="1">2</r>`);
    expect(codeOf(() => writer.write(two("3", "\u0000")))).toBe("WSD_WRITE_VALUE");
    expect(text(writer.write(two("1", "2")))).toBe(`${HEAD}<r a="1">2</r>`);
    expect(text(writer.write(two("é", "4")))).toBe(`${HEAD}<r a="é">4</r>`);
  });

  it("what was written is the caller's: the next document does not change it", () => {
    const writer = new XmlWriter({});
    const first = writer.write({ uri: "", local: "r", text: "1" });
    writer.write({ uri: "", local: "r", text: "2" });
    expect(text(first)).toBe(`${HEAD}<r>1</r>`);
  });

  it("writes any text and attribute value so that it is read back", () => {
    const value = fc.string({ unit: "grapheme" }).filter((piece) => !/[\ufffe\uffff]/.test(piece));
    fc.assert(
      fc.property(value, value, (content, attribute) => {
        const document = new XmlWriter({ a: "urn:a" }).write({
          uri: "urn:a",
          local: "r",
          attributes: [{ uri: "", local: "a", value: attribute }],
          text: content,
        });
        const root = readXml(decodeDocument(document));
        expect(root.text).toBe(content);
        expect(root.attributes[0]?.value).toBe(attribute);
      }),
    );
  });
});
