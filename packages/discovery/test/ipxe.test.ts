/** iPXE asks in version 1.0 form, for segments of version 2.0 too, and reads answers as text. [MS-PCCRD] 2.2.2 */
import { fromHex } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { HandCache, type Site, siteForEach, text, utf8 } from "./support.ts";
import captured from "./vectors/ipxe-probes.json" with { type: "json" };

/** What stands between two literal tags; undefined where iPXE would give up. */
function between(answer: string, open: string, close: string): string | undefined {
  const start = answer.indexOf(open);
  const end = answer.indexOf(close, start);
  return start < 0 || end < 0 ? undefined : answer.slice(start + open.length, end);
}

/** As a boot loader does it: no XML, no other prefix, no attribute. */
function readAsText(answer: string) {
  const scopes = between(answer, "<wsd:Scopes>", "</wsd:Scopes>")?.split(/\s+/) ?? [];
  const xAddrs = between(answer, "<wsd:XAddrs>", "</wsd:XAddrs>")?.split(/\s+/) ?? [];
  const counts = between(answer, "<PeerDist:BlockCount>", "</PeerDist:BlockCount>") ?? "";
  if (counts.length < 8 * scopes.length) throw new Error("more scopes than counts");
  return scopes.map((scope, i) => ({ scope, xAddrs, count: counts.slice(8 * i, 8 * i + 8) }));
}

const GROUP = { address: "239.255.255.250", port: 3702 };

describe.each(Object.entries(captured.probes))("%s", (name, probe) => {
  let here: Site;
  siteForEach((fresh) => {
    here = fresh;
  });

  const id = fromHex(probe.segmentId) ?? new Uint8Array();
  const bootLoader = async () => {
    const heard: Uint8Array[] = [];
    const port = here.lan.host("10.77.0.2/24");
    const socket = await port.open({ family: 4, port: 46_745 }, (bytes) => {
      heard.push(bytes);
    });
    return { heard, socket };
  };
  /** Version 2.0 segments are one block. */
  const blocks = name.includes("v2") ? 1 : 5;

  it("D-1 D-7 PCCRD-3 PCCRD-65 is answered in the shape that iPXE reads", async () => {
    expect(utf8(probe.xml)).toHaveLength(probe.bytes);
    await here.host("10.77.0.3/24", { cache: new HandCache().add(id, blocks) });
    const { heard, socket } = await bootLoader();
    await socket.send(utf8(probe.xml), GROUP);
    await here.clock.advance(65);
    expect(heard).toHaveLength(1);
    expect(readAsText(text(heard[0] ?? new Uint8Array()))).toEqual([
      {
        scope: probe.segmentId,
        xAddrs: ["10.77.0.3:8080"],
        count: blocks.toString(16).padStart(8, "0"),
      },
    ]);
    await here.clock.advance(1_000);
  });

  it("D-12 is answered again, byte for byte, when it comes a second time a second later", async () => {
    await here.host("10.77.0.3/24", { cache: new HandCache().add(id, blocks) });
    const { heard, socket } = await bootLoader();
    await socket.send(utf8(probe.xml), GROUP);
    await here.clock.advance(1_000);
    const before = heard.length;
    await socket.send(utf8(probe.xml), GROUP);
    await here.clock.advance(1_000);
    expect(heard.length).toBeGreaterThan(before);
    for (const bytes of heard) expect(bytes).toEqual(heard[0]);
  });

  it("PCCRD-59 is not answered when the segment is not held", async () => {
    await here.host("10.77.0.3/24", { cache: new HandCache().add(utf8("another"), 1) });
    const { heard, socket } = await bootLoader();
    await socket.send(utf8(probe.xml), GROUP);
    await here.clock.advance(2_000);
    expect(heard).toEqual([]);
  });
});
