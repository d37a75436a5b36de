import type { StoreChange } from "../block-store.ts";
import {
  blockOf,
  type ContractTestApi,
  collect,
  idOf,
  type OpenStores,
  SEALED_BYTES,
  segmentOf,
  steppingClock,
  withStores,
} from "./harness.ts";

const HOUR_MS = 3_600_000;

/** Use, age, tags, limits, listing, counting, watching. */
export function upkeepContract(open: OpenStores, { it, expect }: ContractTestApi): void {
  it("lists what it holds, with use and hits", () => {
    const time = steppingClock();
    return withStores(open, { clock: time.clock }, async ({ blocks }) => {
      await blocks.putBlock(segmentOf(1, 2, { tags: ["a"] }), 0, blockOf(1));
      await blocks.putBlock(segmentOf(2, 1, { trust: "blind" }), 0, blockOf(2));
      await blocks.pin(idOf(2));
      time.set(2_000_000);
      await blocks.getBlock(idOf(1), 0);
      await blocks.withBlock(idOf(1), 0, () => 0);
      await blocks.getBlock(idOf(1), 1);
      await blocks.flush();
      const list = (await collect(blocks.list())).sort((a, b) => (a.id[3] ?? 0) - (b.id[3] ?? 0));
      const [common, times] = [{ lengthBytes: 512, bytes: SEALED_BYTES, heldBlocks: 1 }, 1_000_000];
      expect(list).toEqual([
        {
          ...common,
          id: idOf(1),
          tags: ["a"],
          createdMs: times,
          usedMs: 2_000_000,
          hits: 2,
          verifiedBlocks: 1,
          totalBlocks: 2,
          trust: "verified",
          pins: 0,
        },
        {
          ...common,
          id: idOf(2),
          lengthBytes: 256,
          tags: [],
          createdMs: times,
          usedMs: times,
          hits: 0,
          verifiedBlocks: 0,
          totalBlocks: 1,
          trust: "blind",
          pins: 1,
        },
      ]);
      expect((await blocks.statistics()).hits).toEqual(2);
    });
  });

  it("offers nothing past the age limit, one millisecond before and on it; pinned segments stay", () => {
    const time = steppingClock();
    return withStores(open, { clock: time.clock }, async ({ blocks }) => {
      await blocks.setLimits({ maxAgeMs: HOUR_MS });
      for (const n of [1, 2]) await blocks.putBlock(segmentOf(n, 1), 0, blockOf(n));
      await blocks.pin(idOf(2));
      time.set(1_000_000 + HOUR_MS - 1);
      await blocks.putBlock(segmentOf(3, 1), 0, blockOf(3));
      expect((await blocks.holds([idOf(1)]))[0]?.heldBlocks).toEqual(1);
      time.set(1_000_000 + HOUR_MS);
      expect(await blocks.holds([idOf(1)])).toEqual([undefined]);
      expect(await blocks.getBlock(idOf(1), 0)).toEqual(undefined);
      expect(await blocks.heldBlocks(idOf(1))).toEqual(undefined);
      expect((await collect(blocks.ids())).map((id) => id[3]).sort()).toEqual([2, 3]);
      expect((await blocks.usage()).bytes).toEqual(2 * SEALED_BYTES);
      expect((await blocks.statistics()).gone.age).toEqual({ segments: 1, bytes: SEALED_BYTES });
      expect(await blocks.putBlock(segmentOf(1, 4), 3, blockOf(1)), "anew, with other sizes").toEqual(
        "stored",
      );
      await blocks.setLimits({ maxAgeMs: undefined });
      time.set(1_000_000 + 1e12);
      expect((await blocks.holds([idOf(1)]))[0]?.heldBlocks).toEqual(1);
    });
  });

  it("takes a segment past its age anew, in one put", () => {
    const time = steppingClock();
    return withStores(open, { clock: time.clock }, async ({ blocks }) => {
      await blocks.setLimits({ maxAgeMs: HOUR_MS });
      await blocks.putBlock(segmentOf(1, 2), 0, blockOf(0));
      time.set(1_000_000 + HOUR_MS);
      expect(await blocks.putBlock(segmentOf(1, 2), 1, blockOf(1))).toEqual("stored");
      await blocks.flush();
      expect(await blocks.heldBlocks(idOf(1))).toEqual([1]);
      expect((await blocks.segment(idOf(1)))?.createdMs).toEqual(1_000_000 + HOUR_MS);
    });
  });

  it("removes by tag, and all; pinned ones only if so asked", () =>
    withStores(open, {}, async ({ blocks }) => {
      await blocks.putBlock(segmentOf(1, 1, { tags: ["a", "b"] }), 0, blockOf(1));
      await blocks.putBlock(segmentOf(2, 1, { tags: ["a"] }), 0, blockOf(2));
      await blocks.putBlock(segmentOf(3, 1), 0, blockOf(3));
      await blocks.putBlock(segmentOf(3, 1, { tags: ["b"] }), 0, blockOf(3));
      await blocks.pin(idOf(2));
      const left = async () => (await collect(blocks.ids())).map((id) => id[3]).sort();
      expect(await blocks.removeAll({ tag: "none" })).toEqual(0);
      expect(await blocks.removeAll({ tag: "a" })).toEqual(1);
      expect(await left()).toEqual([2, 3]);
      expect(await blocks.removeAll({ tag: "b" })).toEqual(1);
      expect(await blocks.removeAll({ tag: "a", pinned: true })).toEqual(1);
      for (let n = 1; n < 150; n++) await blocks.putBlock(segmentOf(n, 1), 0, blockOf(n));
      await blocks.pin(idOf(7));
      expect(await blocks.removeAll()).toEqual(148);
      expect(await left()).toEqual([7]);
      expect(await blocks.removeAll({ pinned: true })).toEqual(1);
      expect((await blocks.usage()).bytes).toEqual(0);
      expect((await blocks.statistics()).gone.flush.segments).toEqual(152);
    }));

  it("takes a tag from what has others, and removes what has no other, if so asked", () =>
    withStores(open, {}, async ({ blocks }) => {
      await blocks.putBlock(segmentOf(1, 1, { tags: ["a", "b"] }), 0, blockOf(1));
      await blocks.putBlock(segmentOf(2, 1, { tags: ["a"] }), 0, blockOf(2));
      await blocks.putBlock(segmentOf(3, 1, { tags: ["b"] }), 0, blockOf(3));
      const left = async () => (await collect(blocks.ids())).map((id) => id[3]).sort();
      expect(await blocks.removeAll({ tag: "a", shared: false })).toEqual(1);
      expect(await left()).toEqual([1, 3]);
      expect((await blocks.segment(idOf(1)))?.tags).toEqual(["b"]);
      expect(await blocks.removeAll({ tag: "a" })).toEqual(0);
      await blocks.putBlock(segmentOf(1, 1, { tags: ["c"] }), 0, blockOf(1));
      expect((await blocks.segment(idOf(1)))?.tags).toEqual(["b", "c"]);
      expect(await blocks.removeAll({ tag: "b", shared: false })).toEqual(1);
      expect(await blocks.removeAll({ tag: "c", shared: false })).toEqual(1);
      expect((await blocks.usage()).bytes).toEqual(0);
    }));

  it("drops a block that turned out wrong, and with the last one the segment", () =>
    withStores(open, {}, async ({ blocks }) => {
      for (const index of [0, 1]) await blocks.putBlock(segmentOf(1, 2), index, blockOf(index));
      expect(await blocks.dropBlock(idOf(1), 0)).toEqual(true);
      expect(await blocks.dropBlock(idOf(1), 0)).toEqual(false);
      expect(await blocks.heldBlocks(idOf(1))).toEqual([1]);
      expect(await blocks.dropBlock(idOf(1), 1)).toEqual(true);
      expect(await blocks.holds([idOf(1)])).toEqual([undefined]);
      const { corrupt } = (await blocks.statistics()).gone;
      expect(corrupt).toEqual({ segments: 1, bytes: 2 * SEALED_BYTES });
    }));

  it("tells who watches what comes and goes, until he has seen enough", () =>
    withStores(open, {}, async ({ blocks }) => {
      const seen: StoreChange[] = [];
      const stop = blocks.watch((change) => seen.push(change));
      await blocks.putBlock(segmentOf(1, 2), 0, blockOf(0));
      await blocks.putBlock(segmentOf(1, 2), 1, blockOf(1));
      await blocks.putBlock(segmentOf(1, 2), 1, blockOf(1));
      await blocks.dropBlock(idOf(1), 1);
      await blocks.removeSegment(idOf(1));
      await blocks.putBlock(segmentOf(2, 1), 0, blockOf(0));
      await blocks.flush();
      expect(seen).toEqual([
        { kind: "added", id: idOf(1) },
        { kind: "changed", id: idOf(1) },
        { kind: "changed", id: idOf(1) },
        { kind: "removed", id: idOf(1), reason: "removed" },
        { kind: "added", id: idOf(2) },
      ]);
      stop();
      stop();
      await blocks.removeSegment(idOf(2));
      await blocks.flush();
      expect(seen.length).toEqual(5);
    }));
}
