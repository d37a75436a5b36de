import { describe, expect, it } from "vitest";
import { OfferSteps } from "../../src/index.ts";
import { v1Segment, v2Segments } from "../content.ts";

describe("when a segment is offered", () => {
  it("PCHC-62 PCHC-76 at 20, 40, 60, 80 and 100 % of its blocks", () => {
    const segment = v1Segment(10);
    const steps = new OfferSteps();
    const offered = Array.from({ length: 10 }, (_, i) => steps.note(segment, i));
    expect(offered.map((is, i) => (is ? i + 1 : 0)).filter(Boolean)).toEqual([2, 4, 6, 8, 10]);
  });

  it("counts a block once", () => {
    const segment = v1Segment(5);
    const steps = new OfferSteps();
    expect([steps.note(segment, 3), steps.note(segment, 3), steps.note(segment, 0)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("offers a segment of one block at once", () => {
    const [segment] = v2Segments(1);
    expect(segment && new OfferSteps().note(segment, 0)).toEqual(true);
  });

  it("offers at the shares it is given", () => {
    const segment = v1Segment(4);
    const steps = new OfferSteps([100]);
    expect([0, 1, 2, 3].map((index) => steps.note(segment, index))).toEqual([false, false, false, true]);
    const never = new OfferSteps([]);
    expect(never.note(segment, 0)).toEqual(false);
  });

  it("forgets segments that nothing came of any more", () => {
    const steps = new OfferSteps([100]);
    const old = v1Segment(2, 1);
    steps.note(old, 0);
    for (let seed = 2; seed < 1_027; seed++) {
      const id = new Uint8Array(32);
      new DataView(id.buffer).setUint32(0, seed);
      steps.note({ ...old, id, secret: old.secret, blockHashes: old.blockHashes }, 0);
    }
    expect(steps.note(old, 1), "it starts over").toEqual(false);
  });
});
