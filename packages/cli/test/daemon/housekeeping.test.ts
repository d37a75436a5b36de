import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { startHousekeeping } from "../../src/daemon/housekeeping.ts";

describe("housekeeping", () => {
  it("drops what is too old at once and every hour, also after a failure, until it is stopped", async () => {
    const clock = manualClock();
    const observer = recordingObserver();
    let rounds = 0;
    const blocks = {
      async expire() {
        rounds++;
        if (rounds === 2) throw new Error("disk full");
        return 0;
      },
    };
    const housekeeping = startHousekeeping(blocks, clock, observer);
    await clock.advance(3_599_999);
    expect(rounds).toBe(1);
    await clock.advance(1);
    expect(rounds).toBe(2);
    expect(observer.named("cache.save_failed")).toMatchObject([{ fields: { error: "disk full" } }]);
    await clock.advance(3_600_000);
    expect(rounds).toBe(3);
    housekeeping.stop();
    expect(clock.pending).toBe(0);
  });
});
