import type { EventName, MetricName, Observer } from "@branchcache/runtime";
import type { StoreChange } from "../block-store.ts";
import {
  blockOf,
  type ContractTestApi,
  codeOf,
  idOf,
  type OpenStores,
  SEALED_BYTES,
  segmentOf,
  steppingClock,
  withStores,
} from "./harness.ts";

/** What happens at the limit. */
export function evictionContract(open: OpenStores, { it, expect }: ContractTestApi): void {
  it("evicts whole segments, the least recently created first, whatever the wall clock says", () => {
    const time = steppingClock();
    const seen = tally();
    return withStores(
      open,
      { limitBytes: 4 * SEALED_BYTES, clock: time.clock, observer: seen.observer },
      async ({ blocks, secrets }) => {
        await secrets.put(idOf(1), new Uint8Array(32).fill(1));
        for (const [n, wallMs] of [
          [1, 5000],
          [2, 1000],
        ] as const) {
          time.set(wallMs);
          await blocks.putBlock(segmentOf(n, 2), 0, blockOf(n));
          await blocks.putBlock(segmentOf(n, 2), 1, blockOf(n));
        }
        expect(await blocks.putBlock(segmentOf(3, 1), 0, blockOf(3))).toEqual("stored");
        await blocks.flush();
        const held = await blocks.holds([idOf(1), idOf(2), idOf(3)]);
        expect(held.map((segment) => segment?.heldBlocks)).toEqual([undefined, 2, 1]);
        expect((await blocks.usage()).bytes).toEqual(3 * SEALED_BYTES);
        expect(seen.counted("cache_evictions_total", "size")).toEqual(1);
        expect(seen.events("cache.full")).toEqual(0);
        expect(await secrets.get(idOf(1)), "its secret goes along").toEqual(undefined);
      },
    );
  });

  it("evicts the least recently used: a read keeps a segment", () =>
    withStores(open, { limitBytes: 3 * SEALED_BYTES }, async ({ blocks }) => {
      for (const n of [1, 2, 3]) await blocks.putBlock(segmentOf(n, 1), 0, blockOf(n));
      await blocks.getBlock(idOf(1), 0);
      await blocks.getBlock(idOf(2), 0);
      await blocks.flush();
      await blocks.putBlock(segmentOf(4, 1), 0, blockOf(4));
      await blocks.flush();
      const held = await blocks.holds([1, 2, 3, 4].map(idOf));
      expect(held.map((segment) => segment !== undefined)).toEqual([true, true, false, true]);
    }));

  it("passes over pinned segments, and takes up their place in the order when they are free again", () =>
    withStores(open, { limitBytes: 3 * SEALED_BYTES }, async ({ blocks }) => {
      for (const n of [1, 2, 3]) await blocks.putBlock(segmentOf(n, 1), 0, blockOf(n));
      expect([await blocks.pin(idOf(1)), await blocks.pin(idOf(1))]).toEqual([true, true]);
      expect((await blocks.segment(idOf(1)))?.pins).toEqual(2);
      const { pinnedBytes, oldestMs } = await blocks.statistics();
      expect([pinnedBytes, oldestMs]).toEqual([SEALED_BYTES, 1_000_000]);
      await blocks.putBlock(segmentOf(4, 1), 0, blockOf(4));
      await blocks.flush();
      expect(await heldOf(blocks, 4)).toEqual([1, 3, 4]);

      expect([await blocks.unpin(idOf(1)), await blocks.unpin(idOf(1)), await blocks.unpin(idOf(1))]).toEqual(
        [true, true, true],
      );
      expect((await blocks.segment(idOf(1)))?.pins).toEqual(0);
      await blocks.putBlock(segmentOf(5, 1), 0, blockOf(5));
      await blocks.flush();
      expect(await heldOf(blocks, 5)).toEqual([3, 4, 5]);
    }));

  it("is full when all is pinned, and changes nothing", () => {
    const seen = tally();
    const limits = { limitBytes: 2 * SEALED_BYTES + 1, observer: seen.observer };
    return withStores(open, limits, async ({ blocks }) => {
      for (const n of [1, 2]) {
        await blocks.putBlock(segmentOf(n, 1), 0, blockOf(n));
        await blocks.pin(idOf(n));
      }
      expect(await blocks.putBlock(segmentOf(3, 1), 0, blockOf(3))).toEqual("full");
      await blocks.flush();
      expect(await heldOf(blocks, 3)).toEqual([1, 2]);
      expect(seen.events("cache.full")).toEqual(1);
      await blocks.unpin(idOf(2));
      expect(await blocks.putBlock(segmentOf(3, 1), 0, blockOf(3))).toEqual("stored");
      await blocks.flush();
      expect(await heldOf(blocks, 3)).toEqual([1, 3]);
      await blocks.removeSegment(idOf(1));
      expect((await blocks.usage()).bytes).toEqual(SEALED_BYTES);
    });
  });

  it("makes room at once for a smaller limit, and says what went, when and why", () => {
    const time = steppingClock();
    return withStores(open, { clock: time.clock }, async ({ blocks }) => {
      for (const n of [1, 2, 3]) await blocks.putBlock(segmentOf(n, 1), 0, blockOf(n));
      await blocks.flush();
      time.set(1_000_500);
      await blocks.setLimits({ limitBytes: SEALED_BYTES });
      expect(await blocks.usage()).toEqual({
        bytes: SEALED_BYTES,
        limitBytes: SEALED_BYTES,
        segments: { complete: 1, partial: 0 },
      });
      expect((await blocks.limits()).limitBytes).toEqual(SEALED_BYTES);
      const note = { reason: "size", bytes: SEALED_BYTES, atMs: 1_000_500 };
      expect((await blocks.statistics()).latest).toEqual([
        { id: idOf(2), ...note },
        { id: idOf(1), ...note },
      ]);
      for (const limitBytes of [-1, 0.5, Number.NaN]) {
        expect(await codeOf(blocks.setLimits({ limitBytes }))).toEqual("BC_STORE_INVALID");
      }
      expect(await codeOf(blocks.setLimits({ maxAgeMs: -1 }))).toEqual("BC_STORE_INVALID");
    });
  });

  it("tells who watches what was evicted, before what took its place", () =>
    withStores(open, { limitBytes: SEALED_BYTES }, async ({ blocks }) => {
      await blocks.putBlock(segmentOf(1, 1), 0, blockOf(0));
      const seen: StoreChange[] = [];
      blocks.watch((change) => seen.push(change));
      await blocks.putBlock(segmentOf(2, 1), 0, blockOf(0));
      await blocks.flush();
      expect(seen.filter(({ id }) => id[3] === 1 || id[3] === 2).slice(-2)).toEqual([
        { kind: "removed", id: idOf(1), reason: "size" },
        { kind: "added", id: idOf(2) },
      ]);
    }));

  it("does not evict a segment for its own next block", () =>
    withStores(open, { limitBytes: 3 * SEALED_BYTES }, async ({ blocks }) => {
      const large = segmentOf(1, 5);
      await blocks.putBlock(large, 0, blockOf(0));
      await blocks.putBlock(segmentOf(2, 1), 0, blockOf(0));
      const results = [];
      for (const index of [1, 2, 3]) results.push(await blocks.putBlock(large, index, blockOf(index)));
      expect(results).toEqual(["stored", "stored", "full"]);
      await blocks.flush();
      expect(await heldOf(blocks, 2)).toEqual([1]);
      expect(await blocks.heldBlocks(idOf(1))).toEqual([0, 1, 2]);
    }));

  it("is full when the limit is smaller than a block", () =>
    withStores(open, { limitBytes: SEALED_BYTES - 1 }, async ({ blocks }) => {
      expect(await blocks.putBlock(segmentOf(1, 1), 0, blockOf(0))).toEqual("full");
      expect(await blocks.holds([idOf(1)])).toEqual([undefined]);
    }));

  it("holds one block when the limit is exactly that", () =>
    withStores(open, { limitBytes: SEALED_BYTES }, async ({ blocks }) => {
      for (const n of [1, 2, 3]) {
        expect(await blocks.putBlock(segmentOf(n, 1), 0, blockOf(0))).toEqual("stored");
        await blocks.flush();
        expect(await heldOf(blocks, 3)).toEqual([n]);
      }
    }));
}

async function heldOf(
  blocks: { holds(ids: readonly Uint8Array[]): Promise<readonly unknown[]> },
  highest: number,
): Promise<number[]> {
  const numbers = Array.from({ length: highest }, (_, i) => i + 1);
  const held = await blocks.holds(numbers.map(idOf));
  return numbers.filter((_, i) => held[i] !== undefined);
}

/** Counts what an observer is told. */
function tally() {
  const events: EventName[] = [];
  const counts: { metric: MetricName; reason: string | undefined; delta: number }[] = [];
  const observer: Observer = {
    event: (_level, name) => {
      events.push(name);
    },
    count: (metric, delta, labels) => {
      counts.push({ metric, reason: labels?.["reason"], delta });
    },
    measure: () => {},
  };
  return {
    observer,
    events: (name: EventName) => events.filter((event) => event === name).length,
    counted: (metric: MetricName, reason: string) =>
      counts
        .filter((entry) => entry.metric === metric && entry.reason === reason)
        .reduce((sum, entry) => sum + entry.delta, 0),
  };
}
