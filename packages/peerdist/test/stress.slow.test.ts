import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { slowRuns } from "../../../test/support/slow.ts";
import { stress } from "./support/stress.ts";
import { transports } from "./support/transports.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Of what is reachable: the heap, and buffers outside of it. */
async function usedBytes(): Promise<number> {
  collectGarbage();
  // What waits for a turn of the event loop to be let go of.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

it.each(transports.map((transport) => ({ ...transport, transport })))(
  "API-7 API-22 API-24 100,000 random calls, $name: every operation completes once, and no memory is kept",
  async ({ transport }) => {
    const calls = Math.ceil(slowRuns(100_000) / 10);
    let afterTwo = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const { accepted, completed } = await stress(transport, calls, seed);
      expect(completed).toBe(accepted);
      if (seed === 2) afterTwo = await usedBytes();
    }
    // What one run has at hand is a hundred times that.
    expect((await usedBytes()) - afterTwo).toBeLessThan(3_000_000);
  },
);
