import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BlockStore, createMemoryStore, type NewSegment } from "@branchcache/cache-store";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { errorCode, toHex } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { collect } from "./helpers/temporary.ts";

const BLOCK_BYTES = 64;
const SEALED_BYTES = 16 + BLOCK_BYTES + 16;
const LIMIT_BYTES = 12 * SEALED_BYTES;

type Step =
  | {
      readonly op: "put";
      readonly n: number;
      readonly index: number;
      readonly seed: number;
      readonly blind: boolean;
    }
  | { readonly op: "remove" | "pin" | "unpin"; readonly n: number };

const segmentNumber = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("put" as const),
      n: segmentNumber,
      index: fc.integer({ min: 0, max: 4 }),
      seed: fc.integer({ min: 0, max: 255 }),
      blind: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom("remove" as const, "pin" as const, "unpin" as const),
      n: segmentNumber,
    }),
  },
);

function segmentOf(n: number, blind: boolean): NewSegment {
  return {
    id: new Uint8Array(32).fill(n),
    cipher: 1,
    // Segment n has n blocks at most 5, so that some puts are for blocks that there are not.
    lengthBytes: Math.min(n, 5) * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    tags: blind ? ["blind"] : [],
    trust: blind ? "blind" : "verified",
  };
}

async function perform(blocks: BlockStore, step: Step): Promise<unknown> {
  const { id } = segmentOf(step.n, false);
  try {
    switch (step.op) {
      case "put": {
        const data = new Uint8Array(BLOCK_BYTES + 16).fill(step.seed);
        const block = { cipher: 1 as const, iv: new Uint8Array(16), data };
        return await blocks.putBlock(segmentOf(step.n, step.blind), step.index, block);
      }
      case "remove":
        return await blocks.removeSegment(id);
      case "pin":
        return await blocks.pin(id);
      case "unpin":
        return await blocks.unpin(id);
    }
  } catch (error) {
    return errorCode(error) ?? error;
  }
}

/** All that can be seen of a store; fails where its sums are wrong. */
async function everything(blocks: BlockStore) {
  const ids = (await collect(blocks.ids())).sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  const seen: Record<string, unknown> = {};
  let bytes = 0;
  for (const id of ids) {
    const held = (await blocks.heldBlocks(id)) ?? [];
    const contents = [];
    for (const index of held) {
      const block = await blocks.getBlock(id, index);
      contents.push([index, block?.data[0], block?.trust, block?.nextBlockIndex]);
      bytes += SEALED_BYTES;
    }
    expect(held.length, "a segment without blocks").toBeGreaterThan(0);
    seen[toHex(id)] = { record: await blocks.segment(id), contents, held: await blocks.holds([id]) };
  }
  const usage = await blocks.usage();
  expect(usage.bytes).toBe(bytes);
  expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
  expect(usage.segments.complete + usage.segments.partial).toBe(ids.length);
  return { seen, usage };
}

it("memory and LMDB do the same, step by step, and their sums are right", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const path = await mkdtemp(join(tmpdir(), "cache-store-"));
      const clock = manualClock();
      const memory = createMemoryStore({ limitBytes: LIMIT_BYTES, clock });
      let lmdb = await openLmdbStore({ path, limitBytes: LIMIT_BYTES, clock });
      try {
        const pinned = new Set<number>();
        for (const [i, step] of steps.entries()) {
          const result = await perform(memory.blocks, step);
          await lmdb.blocks.flush();
          expect(await perform(lmdb.blocks, step), `step ${i}`).toEqual(result);
          for (const n of pinned) {
            const [held] = await memory.blocks.holds([segmentOf(n, false).id]);
            expect(
              held !== undefined || (step.op === "remove" && step.n === n),
              "a pinned segment is gone",
            ).toBe(true);
          }
          const record = await memory.blocks.segment(segmentOf(step.n, false).id);
          if (record && record.pins > 0) pinned.add(step.n);
          else pinned.delete(step.n);
          if (i === 30) {
            await lmdb.close();
            lmdb = await openLmdbStore({ path, limitBytes: LIMIT_BYTES, clock });
          }
        }
        expect(await everything(lmdb.blocks)).toEqual(await everything(memory.blocks));
      } finally {
        await lmdb.close();
        await rm(path, { recursive: true, force: true });
      }
    }),
    { numRuns: 12 },
  );
});

it("LMDB's sums are right when all is asked for at once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const path = await mkdtemp(join(tmpdir(), "cache-store-"));
      const lmdb = await openLmdbStore({ path, limitBytes: LIMIT_BYTES, clock: manualClock() });
      try {
        await Promise.all(steps.map((step) => perform(lmdb.blocks, step)));
        await everything(lmdb.blocks);
      } finally {
        await lmdb.close();
        await rm(path, { recursive: true, force: true });
      }
    }),
    { numRuns: 12 },
  );
});
