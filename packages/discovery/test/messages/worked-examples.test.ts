import { createHash } from "node:crypto";
import { type DiscoveryMessage, readMessage, writeMessage } from "dgram-ws-discovery";
import { describe, expect, it } from "vitest";
import { PREFIXES } from "../../src/formats.ts";
import { type HeldSegment, readAgedMatch, readCountedMatch } from "../../src/messages/match.ts";
import { peerProbe, readPeerProbe } from "../../src/messages/probe.ts";
import { A, B, C, peerMatch, text, utf8 } from "../support.ts";
import vectors from "../vectors/messages.json" with { type: "json" };

const { messages } = vectors;
const wallMs = Date.UTC(2026, 0, 1);
const probeId = "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const header = { version: "2005/04" } as const;
const answer = {
  ...header,
  kind: "ProbeMatches",
  messageId: "urn:uuid:0b6f5b8e-5c1d-4e0a-9b7e-3c2d1a0f9e88",
  relatesTo: probeId,
} as const;
const address = "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5";
const xAddrs = ["192.0.2.10:80"];
const aged = (heldBlocks: number, totalBlocks: number, ageMs: number): HeldSegment => ({
  heldBlocks,
  totalBlocks,
  createdMs: wallMs - ageMs,
});

const written = (message: DiscoveryMessage) => text(writeMessage(message, { prefixes: PREFIXES }));
const read = (xml: string) => readMessage(utf8(xml));

function probed(xml: string) {
  const message = read(xml);
  if (message.kind !== "Probe") throw new Error("no probe");
  const probe = readPeerProbe(message.probe);
  if (typeof probe === "string") throw new Error(probe);
  return probe;
}

function matched(xml: string) {
  const message = read(xml);
  const service = message.kind === "ProbeMatches" ? message.matches[0] : undefined;
  if (!service) throw new Error("no match");
  return service;
}

describe("worked examples", () => {
  it.each(Object.entries(messages))(
    "%s has the size and hash that it is given with",
    (_, { xml, bytes, sha256 }) => {
      expect(utf8(xml)).toHaveLength(bytes);
      expect(createHash("sha256").update(xml).digest("hex")).toBe(sha256);
    },
  );

  it("PCCRD-2 PCCRD-3 PCCRD-9 PCCRD-12 PCCRD-13 PCCRD-15 PCCRD-38 the version 1.0 probe", () => {
    expect(written({ ...header, kind: "Probe", messageId: probeId, probe: peerProbe(1, [A, B]) })).toBe(
      messages["V1 Probe"].xml,
    );
    const { version, ids } = probed(messages["V1 Probe"].xml);
    expect([version, ids.slice()]).toEqual([1, [A, B]]);
  });

  it("PCCRD-16 PCCRD-17 PCCRD-38 the version 2.0 probe", () => {
    expect(written({ ...header, kind: "Probe", messageId: probeId, probe: peerProbe(2, [A, B, C]) })).toBe(
      messages["V2 Probe"].xml,
    );
    const { version, ids } = probed(messages["V2 Probe"].xml);
    expect([version, ids.slice()]).toEqual([2, [A, B, C]]);
  });

  it("PCCRD-8 PCCRD-20 PCCRD-24 PCCRD-26 PCCRD-33 PCCRD-34 PCCRD-35 PCCRD-68 the version 1.0 answer", () => {
    const match = peerMatch({
      address,
      xAddrs,
      probe: probed(messages["V1 Probe"].xml),
      held: [aged(512, 512, 0), aged(42, 512, 0)],
      wallMs,
    });
    const appSequence = { instanceId: 1_767_225_600, messageNumber: 7 };
    expect(written({ ...answer, appSequence, matches: match ? [match] : [] })).toBe(
      messages["V1 ProbeMatches"].xml,
    );
    expect(readCountedMatch(matched(messages["V1 ProbeMatches"].xml))).toEqual([
      { id: A, heldBlocks: 512 },
      { id: B, heldBlocks: 42 },
    ]);
  });

  it("PCCRD-21 PCCRD-22 PCCRD-23 PCCRD-36 the version 2.0 answer", () => {
    const match = peerMatch({
      address,
      xAddrs,
      probe: probed(messages["V2 Probe"].xml),
      held: [aged(1, 1, 1_234_500), undefined, aged(1, 2, 60_000)],
      wallMs,
    });
    const appSequence = { instanceId: 1_767_225_600, messageNumber: 8 };
    expect(written({ ...answer, appSequence, matches: match ? [match] : [] })).toBe(
      messages["V2 ProbeMatches"].xml,
    );
    expect(readAgedMatch(matched(messages["V2 ProbeMatches"].xml), [A, B, C])).toEqual([
      { id: A, holding: "all", ageMs: 1_234_500 },
      { id: C, holding: "part", ageMs: 60_000 },
    ]);
  });
});
