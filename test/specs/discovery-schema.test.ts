/** The discovery messages that we send, and those recorded from others, against the RELAX NG schema. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startPeerDiscovery } from "@branchcache/discovery";
import { manualClock, seededRandom, simulatedLan } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { requirement } from "../support/requires.ts";
import { specsFolder } from "./kaitai.ts";

const xmllint = requirement("xmllint");

/** What is wrong with the message by the schema; empty if nothing. */
function faults(xml: string): string {
  const schema = join(specsFolder, "pccrd", "discovery.rng");
  const { status, stderr } = spawnSync(xmllint.path, ["--noout", "--nonet", "--relaxng", schema, "-"], {
    input: xml,
    encoding: "utf8",
  });
  return status === 0 ? "" : stderr;
}

const vectors = ["probe", "probe-matches"].flatMap(
  (structure) =>
    JSON.parse(readFileSync(join(specsFolder, "pccrd", "vectors", `${structure}.json`), "utf8")).vectors as {
      name: string;
      xml: string;
    }[],
);

/** Every datagram of one search among two hosts on a simulated link. */
async function datagrams(version: 1 | 2): Promise<readonly string[]> {
  const clock = manualClock();
  const lan = simulatedLan({ clock, random: seededRandom(1) });
  const ids = [1, 2, 3].map((n) => new Uint8Array(createHash("sha256").update(`segment ${n}`).digest()));
  const held = {
    holds: async (asked: readonly Uint8Array[]) =>
      asked.map((_, i) => (i === 1 ? undefined : { heldBlocks: 1 + i, totalBlocks: 3, createdMs: 0 })),
  };
  const common = { clock, interfaceRefreshMs: 0 };
  const server = await startPeerDiscovery({
    ...common,
    random: seededRandom(2),
    udp: lan.host("192.0.2.2/24"),
    serve: { held, retrievalPort: 8080 },
  });
  const client = await startPeerDiscovery({
    ...common,
    random: seededRandom(3),
    udp: lan.host("192.0.2.1/24"),
  });
  const search = (async () => {
    for await (const match of client.find(ids, { version })) expect(match.segments.length).toBeGreaterThan(0);
  })();
  await clock.advance(1_000);
  await search;
  await Promise.all([server.close(), client.close()]);
  return [...new Set(lan.sent.map(({ bytes }) => new TextDecoder().decode(bytes)))];
}

describe.skipIf(!xmllint.ok)("discovery messages and their schema (needs xmllint)", () => {
  it.each(vectors)("fits $name", ({ xml }) => {
    expect(faults(xml)).toBe("");
  });

  it.each([1, 2] as const)("PCCRD-3 PCCRD-9 PCCRD-26 fits what we send, version %i.0", async (version) => {
    const sent = await datagrams(version);
    expect(sent.map((xml) => /<wsa:Action>[^<]*\/(\w+)</.exec(xml)?.[1])).toEqual(["Probe", "ProbeMatches"]);
    for (const xml of sent) expect(faults(xml)).toBe("");
  });

  const [probe = { xml: "" }] = vectors;
  const matches = vectors.find(({ name }) => name.startsWith("version 1.0: all")) ?? { xml: "" };
  it.each([
    ["an identifier in lower case", probe.xml.replace("AD9724", "ad9724")],
    ["another matching rule", probe.xml.replace("strcmp0", "rfc2396")],
    ["another type", probe.xml.replace("PeerDistData<", "PeerDistDataV2<")],
    ["a scheme in an address", matches.xml.replace("<wsd:XAddrs>", "<wsd:XAddrs>http://")],
    ["a count of four digits", matches.xml.replace("000002000000002A", "0200")],
    ["no RelatesTo", matches.xml.replace(/<wsa:RelatesTo>.*<\/wsa:RelatesTo>/, "")],
  ])("does not fit %s", (_, xml) => {
    expect(faults(xml)).not.toBe("");
  });
});
