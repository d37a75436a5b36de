import { seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { BLOCKS, SEALED_BYTES, segmentOf } from "../helpers/content.mjs";
import { killRound } from "../helpers/kill-round.ts";
import { highest, startWriter } from "../helpers/processes.ts";
import { openStores } from "../helpers/temporary.ts";

/** Of a block file, as `reclaimer.ts` has it. */
const LEAST_FILE_BYTES = 2 ** 20;

describe("several processes", () => {
  it("write to one store at once, and see each other's segments", async () => {
    const path = await temporaryDirectory();
    const { blocks } = await openStores(path, { limitBytes: 1e8 });
    const writers = [0, 1000].map((first) => startWriter([path, 1e8, first, 40]));
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(writers.map((writer) => highest(writer, "put"))).toEqual([39, 1039]);
    expect(await blocks.usage()).toEqual({
      bytes: 80 * BLOCKS * SEALED_BYTES,
      limitBytes: 1e8,
      segments: { complete: 80, partial: 0 },
    });
    const held = await blocks.holds([
      segmentOf(0).id,
      segmentOf(39).id,
      segmentOf(40).id,
      segmentOf(1039).id,
    ]);
    expect(held.map((segment) => segment?.heldBlocks)).toEqual([4, 4, undefined, 4]);
  });

  it("keep one limit together", async () => {
    const path = await temporaryDirectory();
    const segmentBytes = BLOCKS * SEALED_BYTES;
    const limitBytes = 120 * segmentBytes;
    const { blocks } = await openStores(path, { limitBytes });
    const writers = [0, 1000].map((first) => startWriter([path, limitBytes, first, 120]));
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0]);
    const { bytes } = await blocks.usage();
    expect(bytes).toBeLessThanOrEqual(limitBytes);
    // Each gives up at most a segment more than it must, and for room in the files two quarters of one: a quarter of what
    // is oldest, which lies in files of both, need not leave one of them empty enough to be moved.
    expect(bytes).toBeGreaterThan(limitBytes - 4 * segmentBytes - LEAST_FILE_BYTES);
  });

  it("may be killed while they write: nothing flushed is lost, nothing broken is offered", async () => {
    const path = await temporaryDirectory();
    const random = seededRandom(20);
    for (let round = 0; round < 3; round++) await killRound(path, round, random);
  });
});
