import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { XmlElement } from "../../src/index.ts";
import { decodeDocument, readXml } from "../../src/xml/read.ts";
import { writeXml } from "../../src/xml/write.ts";
import { codeOf, text } from "../support.ts";

const write = (element: XmlElement, prefixes = {}) => text(writeXml(element, prefixes));
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

  it("writes any text and attribute value so that it is read back", () => {
    const value = fc.string({ unit: "grapheme" }).filter((piece) => !/[\ufffe\uffff]/.test(piece));
    fc.assert(
      fc.property(value, value, (content, attribute) => {
        const element = {
          uri: "urn:a",
          local: "r",
          attributes: [{ uri: "", local: "a", value: attribute }],
          text: content,
        };
        const document = writeXml(element, { a: "urn:a" });
        const root = readXml(decodeDocument(document));
        expect(root.text).toBe(content);
        expect(root.attributes[0]?.value).toBe(attribute);
      }),
    );
  });
});
