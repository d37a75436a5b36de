/** Answers of a template are, byte for byte, those of the ordinary writer. */
import { seededRandom } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerTemplate, MatchTemplate } from "../src/message/template.ts";
import { MessageWriter } from "../src/message/write.ts";
import { newUuidUrn } from "../src/protocol/uuid.ts";
import { ADDRESS, link, PRINTER, text } from "./support.ts";

const describeMatch = ([scopes = "", note = ""]: readonly string[]) => ({
  address: ADDRESS,
  types: [PRINTER],
  scopes: scopes.split(" "),
  xAddrs: ["http://192.0.2.1/"],
  metadataVersion: 3,
  extensions: [{ uri: "urn:notes", local: "Note", text: note }],
});
const template = new MatchTemplate(2, describeMatch);
const writer = new MessageWriter({ n: "urn:notes" });

describe.each(["2005/04", "2009/01"] as const)("an answer in %s", (version) => {
  it("WSD-12 WSD-17 WSD-54 WSD-60 is what the ordinary writer makes of the same values", () => {
    const answers = AnswerTemplate.of(template, writer, version, 77);
    const scope = fc.stringMatching(/^[!#-%'-;=?-~]{1,70}$/);
    const scopes = fc.array(scope, { minLength: 1, maxLength: 12 }).map((items) => items.join(" "));
    const note = fc.stringMatching(/^[ !#-%'-;=?-~]{0,200}$/);
    const relation = fc.stringMatching(/^[!#-%'-;=?-~]{1,60}$/);
    const number = fc.integer({ min: 1, max: 0xffff_ffff });
    fc.assert(
      fc.property(relation, number, scopes, note, fc.integer(), (relatesTo, messageNumber, ...rest) => {
        const [scopeText, noteText, seed] = rest;
        const texts = [scopeText, noteText];
        const filled = answers?.fill({ random: seededRandom(seed), relatesTo, messageNumber, texts });
        const written = writer.write({
          version,
          kind: "ProbeMatches",
          messageId: newUuidUrn(seededRandom(seed)),
          relatesTo,
          appSequence: { instanceId: 77, messageNumber },
          matches: [describeMatch(texts)],
        });
        expect(filled && text(filled)).toBe(text(written));
      }),
    );
  });
});

describe("a value that is not plain", () => {
  const answers = AnswerTemplate.of(template, writer, "2005/04", 77);
  it.each([
    ["a relation with markup", "urn:<x>", "a"],
    ["a text with an ampersand", "urn:x", "a&b"],
    ["a text beyond ASCII", "urn:x", "é"],
    ["a text with a line end", "urn:x", "a\nb"],
    ["too long a text", "urn:x", "a".repeat(32_000)],
  ])("%s is left to the ordinary writer", (_, relatesTo, note) => {
    const values = { random: seededRandom(1), relatesTo, messageNumber: 1, texts: ["urn:s", note] };
    expect(answers?.fill(values)).toBeUndefined();
  });
});

describe("a description that cannot be taken apart", () => {
  it.each([
    ["leaves a text out", () => ({ address: ADDRESS, metadataVersion: 1 })],
    ["says a text twice", ([a = ""]: readonly string[]) => ({ address: a, scopes: [a], metadataVersion: 1 })],
    ["changes a text", ([a = ""]: readonly string[]) => ({ address: a.slice(2), metadataVersion: 1 })],
  ])("%s, and has no template", (_, description) => {
    expect(AnswerTemplate.of(new MatchTemplate(1, description), writer, "2005/04", 1)).toBeUndefined();
  });
});

it("WSD-17 WSD-54 a responder answers with a template, and with what a template cannot say", async () => {
  const here = link();
  const service = await here.host("192.0.2.10/24");
  const notes = ["plain", "a & b", "plain again"];
  await service.discovery.respond({ onProbe: () => () => template.with("urn:a urn:b", notes.shift() ?? "") });
  const client = await here.host("192.0.2.11/24");
  const heard: (string | undefined)[] = [];
  for (let n = 0; n < 3; n++) {
    const asking = (async () => {
      for await (const { service: found } of client.discovery.probe({}, { timeoutMs: 1_500 })) {
        heard.push(found.extensions?.[0]?.text);
      }
    })();
    await here.clock.advance(2_000);
    await asking;
  }
  expect(heard).toEqual(["plain", "a & b", "plain again"]);
  const numbers = here.messages("ProbeMatches").map((message) => message.appSequence?.messageNumber);
  expect([...new Set(numbers)]).toEqual([1, 2, 3]);
  expect(service.errors).toEqual([]);
  await here.close();
});
