/**
 * What is on the link grows with what is asked for times the peers that hold it, and with nothing else.
 * Fewer hosts here than in `growth.slow.test.ts`, which runs the same.
 */
import { seededRandom } from "@branchcache/runtime/testing";
import { readMessage } from "dgram-ws-discovery";
import { describe, expect, it } from "vitest";
import { inLane } from "../../../test/support/slow.ts";
import { gather, HandCache, sha256, site } from "./support.ts";

const HOLDERS = inLane({ fast: 4, slow: 8 });
const OTHERS = inLane({ fast: 10, slow: 40 });
const CLIENTS = inLane({ fast: 3, slow: 5 });

interface Scene {
  readonly segments: number;
  readonly holders: number;
  readonly others?: number;
  readonly clients?: number;
  readonly loss?: number;
}

/** Datagrams by kind, each copy counted, and their bytes. */
async function asking(version: 1 | 2, { segments, holders, others = 0, clients = 1, loss = 0 }: Scene) {
  const here = site({ loss, random: seededRandom(9), delayMs: [1, 1] });
  const ids = Array.from({ length: segments }, (_, i) => sha256(`segment ${i}`));
  let hosts = 0;
  const address = () => `10.0.${hosts >> 8}.${hosts++ & 255}/8`;
  for (let i = 0; i < holders + others; i++) {
    const cache = new HandCache();
    for (const id of i < holders ? ids : []) cache.add(id, 512);
    await here.host(address(), { cache });
  }
  const searches = [];
  for (let i = 0; i < clients; i++) {
    const { discovery } = await here.host(address());
    searches.push(gather(discovery.find(ids, { version })));
  }
  await here.clock.advance(2_000);
  await Promise.all(searches.map(({ done }) => done));
  const kinds = here.lan.sent.map(({ bytes }) => readMessage(bytes).kind);
  const bytes = here.lan.sent.reduce((sum, sent) => sum + sent.bytes.length, 0);
  const found = searches.map((search) => new Set(search.found.map(({ peer }) => peer.id)).size);
  await here.close();
  return {
    probes: kinds.filter((kind) => kind === "Probe").length,
    answers: kinds.filter((kind) => kind === "ProbeMatches").length,
    bytes,
    found,
  };
}

/** Three copies of a probe at most, two of an answer. */
describe.each([
  [1, 11],
  [2, 16],
] as const)("version %s", (version, perProbe) => {
  it("W-15 datagrams: probes by segments, answers by probes times holders", async () => {
    for (const [segments, holders] of [
      [1, 1],
      [1, HOLDERS],
      [perProbe, HOLDERS],
      [4 * perProbe, 2],
      [4 * perProbe, HOLDERS],
    ] as const) {
      const asked = Math.ceil(segments / perProbe);
      const { probes, answers, found } = await asking(version, { segments, holders });
      expect(found).toEqual([holders]);
      expect(probes).toBeGreaterThanOrEqual(asked);
      expect(probes).toBeLessThanOrEqual(3 * asked);
      expect(answers).toBe(2 * asked * holders);
    }
  });

  it("W-15 who holds nothing of it adds nothing, and each client adds its own", async () => {
    const scene = { segments: perProbe, holders: 4 };
    const alone = await asking(version, scene);
    const crowd = await asking(version, { ...scene, others: OTHERS });
    expect([crowd.answers, crowd.found]).toEqual([alone.answers, alone.found]);
    expect(crowd.probes).toBeLessThanOrEqual(3);
    const many = await asking(version, { ...scene, clients: CLIENTS });
    expect(many.answers).toBe(CLIENTS * alone.answers);
    expect(many.probes).toBeLessThanOrEqual(3 * CLIENTS);
  });

  it("W-15 loss makes it no more", async () => {
    const scene = { segments: 2 * perProbe, holders: HOLDERS, clients: 3 };
    const lossy = await asking(version, { ...scene, loss: 0.1 });
    expect(lossy.answers).toBeLessThanOrEqual(2 * 2 * HOLDERS * 3);
    expect(lossy.probes).toBeLessThanOrEqual(3 * 2 * 3);
    expect(Math.min(...lossy.found)).toBeGreaterThanOrEqual(0.75 * HOLDERS);
  });

  it("W-15 bytes grow as datagrams do: twice the segments or the holders, about twice the bytes", async () => {
    const { bytes } = await asking(version, { segments: 2 * perProbe, holders: 4 });
    for (const twice of [
      { segments: 4 * perProbe, holders: 4 },
      { segments: 2 * perProbe, holders: 8 },
    ]) {
      const more = await asking(version, twice);
      expect(more.bytes / bytes).toBeGreaterThan(1.7);
      expect(more.bytes / bytes).toBeLessThan(2.1);
    }
  });
});
