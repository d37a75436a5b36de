import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DiscoveryMessage,
  readMessage,
  VERSIONS,
  WsDiscoveryError,
  writeMessage,
} from "../src/index.ts";
import { ADDRESS, codeOf, PRINTER, text, utf8 } from "./support.ts";
import vectors from "./vectors/messages.json" with { type: "json" };

const prefixes = { ex: PRINTER.uri };
const examples = Object.entries(vectors.messages);
const probeXml = vectors.messages.Probe.xml;
const matchesXml = vectors.messages.ProbeMatches.xml;
const helloXml = vectors.messages.Hello.xml;

describe("worked examples", () => {
  it.each(examples)("WSD-60 %s is read and written byte for byte", (kind, vector) => {
    const bytes = utf8(vector.xml);
    expect(bytes.length).toBe(vector.bytes);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(vector.sha256);
    const message: DiscoveryMessage = readMessage(bytes);
    expect(message.kind).toBe(kind);
    expect(text(writeMessage(message, { prefixes }))).toBe(vector.xml);
  });

  it("WSD-20 WSD-25 ProbeMatches says all that it holds", () => {
    expect(readMessage(utf8(matchesXml))).toEqual({
      version: "2005/04",
      kind: "ProbeMatches",
      messageId: "urn:uuid:44444444-4444-4444-8444-444444444444",
      relatesTo: "urn:uuid:33333333-3333-4333-8333-333333333333",
      to: VERSIONS["2005/04"].anonymous,
      appSequence: { instanceId: 1_767_225_600, messageNumber: 2 },
      matches: [
        {
          address: ADDRESS,
          types: [PRINTER],
          scopes: ["http://example.org/site/floor-2"],
          xAddrs: ["http://192.0.2.10:8080/print"],
          metadataVersion: 5,
          extensions: [],
        },
      ],
    });
  });
});

describe("reading", () => {
  const soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
  const soap12 = "http://www.w3.org/2003/05/soap-envelope";
  const same: readonly (readonly [string, string, string])[] = [
    ["WSD-7 SOAP 1.1", probeXml, probeXml.replace(soap12, soap11)],
    ["W-12 white space round text", probeXml, probeXml.replace(/>(urn|http|ex)/g, ">\r\n\t $1")],
    ["D-14 no declaration", probeXml, probeXml.replace(/^<\?.*?\?>/, "")],
    [
      "PCCRD-3 other prefixes",
      probeXml,
      probeXml
        .replaceAll("soap:", "s:")
        .replace("xmlns:soap", "xmlns:s")
        .replaceAll("wsd:", "d:")
        .replace(":wsd=", ":d="),
    ],
    [
      "WSD-59 unknown headers and attributes",
      probeXml,
      probeXml
        .replace("<soap:Header>", '<soap:Header><ex:Other soap:mustUnderstand="0"></ex:Other>')
        .replace("<wsd:Types>", '<wsd:Types ex:hint="1">'),
    ],
    [
      "WSD-61 another order",
      matchesXml,
      matchesXml
        .replace("<wsd:MetadataVersion>5</wsd:MetadataVersion>", "")
        .replace("<wsd:ProbeMatch>", "<wsd:ProbeMatch><wsd:MetadataVersion>5</wsd:MetadataVersion>"),
    ],
    [
      "W-13 headers in another order",
      probeXml,
      probeXml.replace(/(<wsa:To>.*?<\/wsa:To>)(.*)(<\/soap:Header>)/, "$2$1$3"),
    ],
  ];
  it.each(same)("%s", (_, plain, variant) => {
    expect(variant).not.toBe(plain);
    expect(JSON.stringify(readMessage(utf8(variant)))).toBe(JSON.stringify(readMessage(utf8(plain))));
  });

  it("WSD-15 does not insist on To", () => {
    const message = readMessage(utf8(probeXml.replace(/<wsa:To>.*?<\/wsa:To>/, "")));
    expect(message).toMatchObject({ kind: "Probe" });
    expect(message).not.toHaveProperty("to");
  });

  it("WSD-58 an absent or broken AppSequence is no order, and the message is good", () => {
    for (const broken of ["", '<wsd:AppSequence InstanceId="x" MessageNumber="1"/>', "<wsa:AppSequence/>"]) {
      const message = readMessage(utf8(matchesXml.replace(/<wsd:AppSequence.*?<\/wsd:AppSequence>/, broken)));
      expect(message.kind).toBe("ProbeMatches");
      expect(message).not.toHaveProperty("appSequence");
    }
  });

  it("W-3 types are resolved where they stand", () => {
    const local = probeXml.replace(
      "<wsd:Types>ex:Printer",
      '<wsd:Types xmlns:ex="urn:inner" xmlns="urn:default">ex:Printer Plain',
    );
    expect(readMessage(utf8(local))).toMatchObject({
      probe: {
        types: [
          { uri: "urn:inner", local: "Printer" },
          { uri: "urn:default", local: "Plain" },
        ],
      },
    });
  });

  it("WSD-59 keeps extension elements, with their inside", () => {
    const extended = matchesXml.replace(
      "</wsd:ProbeMatch>",
      '<ex:Trays count="2"><ex:Tray>A4</ex:Tray></ex:Trays></wsd:ProbeMatch>',
    );
    const message = readMessage(utf8(extended));
    expect(message).toMatchObject({
      matches: [
        {
          extensions: [
            {
              uri: PRINTER.uri,
              local: "Trays",
              attributes: [{ local: "count", value: "2" }],
              children: [{ local: "Tray", text: "A4" }],
            },
          ],
        },
      ],
    });
    expect(text(writeMessage(message, { prefixes }))).toBe(extended);
  });

  it("WSD-62 a signature is neither checked nor minded, unless it must be understood", () => {
    const signature = (attribute: string) =>
      `<wsd:Security${attribute}><wsd:Sig Scheme="urn:x" KeyId="AA==" Refs="a b" Sig="AAAA"/></wsd:Security>`;
    const signed = (attribute: string) =>
      utf8(probeXml.replace("</soap:Header>", `${signature(attribute)}</soap:Header>`));
    expect(readMessage(signed(""))).toEqual(readMessage(utf8(probeXml)));
    expect(codeOf(() => readMessage(signed(' soap:mustUnderstand="1"')))).toBe("WSD_MUST_UNDERSTAND");
  });

  it("W-14 numbers over 32 bits are read", () => {
    const big = helloXml.replace("1767225600", "1767225600123").replace(">5<", ">1767225600123<");
    expect(readMessage(utf8(big))).toMatchObject({
      appSequence: { instanceId: 1_767_225_600_123 },
      service: { metadataVersion: 1_767_225_600_123 },
    });
  });

  const bad: readonly (readonly [string, string, string])[] = [
    ["WSD_NOT_ENVELOPE", "another root", "<r/>"],
    ["WSD_NOT_ENVELOPE", "an unknown envelope namespace", probeXml.replace(soap12, "urn:soap")],
    ["WSD_NOT_ENVELOPE", "no body", probeXml.replace(/<soap:Body>.*<\/soap:Body>/, "")],
    ["WSD_NOT_ENVELOPE", "no header", probeXml.replace(/<soap:Header>.*<\/soap:Header>/, "")],
    ["WSD_HEADER", "no Action", probeXml.replace(/<wsa:Action>.*<\/wsa:Action>/, "")],
    ["WSD_HEADER", "no MessageID", probeXml.replace(/<wsa:MessageID>.*<\/wsa:MessageID>/, "")],
    ["WSD_HEADER", "an empty MessageID", probeXml.replace(/(<wsa:MessageID>).*(<\/wsa:MessageID>)/, "$1 $2")],
    [
      "WSD_HEADER",
      "a MessageID over 1,024 characters",
      probeXml.replace("urn:uuid:", `urn:${"x".repeat(1_000)}`),
    ],
    [
      "WSD_BODY",
      "an address over 1,024 characters",
      matchesXml.replace("<wsa:Address>urn:uuid:", `<wsa:Address>urn:${"x".repeat(1_000)}`),
    ],
    ["WSD_HEADER", "two MessageIDs", probeXml.replace(/(<wsa:MessageID>.*<\/wsa:MessageID>)/, "$1$1")],
    [
      "WSD_MUST_UNDERSTAND",
      "a mandatory unknown header",
      probeXml.replace("<soap:Header>", '<soap:Header><ex:Key soap:mustUnderstand="true"/>'),
    ],
    ["WSD_UNKNOWN_ACTION", "an action of others", probeXml.replace("discovery/Probe<", "discovery/Other<")],
    ["WSD_UNKNOWN_ACTION", "W-2 an https action", probeXml.replace(">http://schemas", ">https://schemas")],
    ["WSD_BODY", "a body of another kind", probeXml.replace("discovery/Probe<", "discovery/Hello<")],
    ["WSD_BODY", "an undeclared type prefix", probeXml.replace("ex:Printer", "zz:Printer")],
    ["WSD_BODY", "two Scopes", probeXml.replace(/(<wsd:Scopes.*<\/wsd:Scopes>)/, "$1$1")],
    ["WSD_BODY", "no address", matchesXml.replace(/<wsa:EndpointReference>.*<\/wsa:EndpointReference>/, "")],
    [
      "WSD_BODY",
      "no metadata version",
      matchesXml.replace(/<wsd:MetadataVersion>.*?<\/wsd:MetadataVersion>/, ""),
    ],
    ["WSD_BODY", "a metadata version of letters", matchesXml.replace(">5<", ">five<")],
    [
      "WSD_BODY",
      "too many list items",
      probeXml.replace(">http://example.org/site<", `>${"a ".repeat(1_025)}<`),
    ],
  ];
  it.each(bad)("WSD-63 %s for %s", (code, _, document) => {
    expect(codeOf(() => readMessage(utf8(document)))).toBe(code);
  });
});

describe("writing", () => {
  const probe = { version: "2005/04", kind: "Probe", messageId: "urn:uuid:1", probe: {} } as const;

  it("WSD-6 WSD-8 writes SOAP 1.2 in UTF-8, in one line, without byte order mark", () => {
    const bytes = writeMessage({ ...probe, probe: { scopes: ["http://example.org/büro"] } });
    expect(text(bytes)).toContain("http://example.org/büro");
    expect(text(bytes)).toMatch(/^<\?xml version="1.0" encoding="utf-8"\?><soap:Envelope [^\n]*$/);
    expect(text(bytes)).toContain('xmlns:soap="http://www.w3.org/2003/05/soap-envelope"');
  });

  it("gives a prefix to a type namespace that nobody declared", () => {
    const bytes = writeMessage({ ...probe, probe: { types: [PRINTER] } });
    expect(readMessage(bytes)).toMatchObject({ probe: { types: [PRINTER] } });
    expect(text(bytes)).toContain(`xmlns:ns1="${PRINTER.uri}"`);
  });

  it.each(["2005/04", "2009/01"] as const)("W-1 %s names its own namespaces", (version) => {
    const message = {
      version,
      kind: "ResolveMatches",
      messageId: "urn:uuid:2",
      relatesTo: "urn:uuid:1",
      appSequence: { instanceId: 1, sequenceId: "urn:seq", messageNumber: 2 },
      match: { address: ADDRESS, metadataVersion: 1 },
    } as const;
    const bytes = writeMessage(message);
    expect(readMessage(bytes)).toMatchObject({ ...message, to: VERSIONS[version].anonymous });
    const other = VERSIONS[version === "2005/04" ? "2009/01" : "2005/04"];
    expect(text(bytes)).not.toContain(other.discovery);
    expect(text(bytes)).not.toContain(other.addressing);
  });

  const service = { address: ADDRESS, metadataVersion: 1 };
  const hello = { version: "2005/04", kind: "Hello", messageId: "urn:uuid:1" } as const;
  it.each([
    [
      "WSD-55 an instance over 32 bits",
      { ...hello, service, appSequence: { instanceId: 2 ** 32, messageNumber: 1 } },
    ],
    ["WSD-55 a negative number", { ...hello, service, appSequence: { instanceId: 1, messageNumber: -1 } }],
    ["W-14 a metadata version over 32 bits", { ...hello, service: { ...service, metadataVersion: 2 ** 32 } }],
    ["a scope with a space", { ...hello, service: { ...service, scopes: ["a b"] } }],
    ["an empty scope", { ...hello, service: { ...service, scopes: [""] } }],
  ])("refuses %s", (_, message) => {
    expect(codeOf(() => writeMessage(message))).toBe("WSD_WRITE_VALUE");
  });

  it("WSD-5 WSD-75 refuses what peers would not read", () => {
    const scopes = Array.from({ length: 600 }, (_, i) => `http://example.org/${"x".repeat(60)}/${i}`);
    expect(codeOf(() => writeMessage({ ...probe, probe: { scopes } }))).toBe("WSD_TOO_LARGE");
  });
});

describe("hostile datagrams", () => {
  const onlyOurErrors = (bytes: Uint8Array) => {
    try {
      readMessage(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(WsDiscoveryError);
    }
  };

  it("WSD-63 random bytes are a message or a coded error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), onlyOurErrors));
    const characters = fc.array(fc.integer({ min: 0, max: 0x10ffff }));
    fc.assert(fc.property(characters, (codes) => onlyOurErrors(utf8(String.fromCodePoint(...codes)))));
  });

  it("WSD-63 mutated messages are a message or a coded error", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...examples.map(([, { xml }]) => xml)),
        fc.array(
          fc.record({
            at: fc.nat(),
            remove: fc.nat(40),
            insert: fc.constantFrom("", "<", ">", "&", '"', "\u0000", "<!", "xmlns", "urn:", "é"),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        (xml, edits) => {
          let mutated = xml;
          for (const { at, remove, insert } of edits) {
            const from = at % mutated.length;
            mutated = mutated.slice(0, from) + insert + mutated.slice(from + remove);
            if (mutated === "") return;
          }
          onlyOurErrors(utf8(mutated));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("WSD-63 a message cut anywhere is refused", () => {
    const bytes = utf8(probeXml);
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => readMessage(bytes.subarray(0, length)))).toMatch(/^WSD_/);
    }
  });
});
