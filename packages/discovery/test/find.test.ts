import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { A, B, C, gather, HandCache, type Site, site } from "./support.ts";

describe.each([1, 2] as const)("find, version %s", (version) => {
  let here: Site;
  beforeEach(() => {
    here = site();
  });
  afterEach(async () => {
    await here.close();
    expect(here.clock.pending).toBe(0);
  });

  it("finds the peer that holds the segment, with its address and port", async () => {
    const asking = await here.host("192.0.2.1/24");
    const serving = await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 512) });
    const { found, state } = gather(asking.discovery.find([A], { version }));
    await here.clock.advance(299);
    expect(state.ended).toBe(false);
    await here.clock.advance(1);
    expect(state).toEqual({ ended: true });
    expect(found).toEqual([
      {
        peer: {
          id: serving.discovery.endpointId,
          addresses: [{ address: "192.0.2.2", port: 8080 }],
        },
        segments: [
          {
            id: A,
            complete: true,
            ...(version === 1 ? { heldBlocks: 512 } : { ageMs: 1_767_225_600_000 % 1 || expect.any(Number) }),
          },
        ],
      },
    ]);
  });

  it("PCCRD-60 answers for what it holds, and only that", async () => {
    const asking = await here.host("192.0.2.1/24");
    await here.host("192.0.2.2/24", { cache: new HandCache().add(A, 3, 5).add(C, 2) });
    const { found, done } = gather(asking.discovery.find([A, B, C], { version, totalBlocks: [5, 9, 2] }));
    await here.clock.advance(300);
    await done;
    expect(found.flatMap((match) => match.segments.map(({ id, complete }) => ({ id, complete })))).toEqual([
      { id: A, complete: false },
      { id: C, complete: true },
    ]);
  });
});
