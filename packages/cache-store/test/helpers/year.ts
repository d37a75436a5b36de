import type { BlockStore } from "@branchcache/cache-store";
import { type Random, randomFraction, randomInteger, toHex } from "@branchcache/runtime";
import type { ManualClock } from "@branchcache/runtime/testing";
import { expect } from "vitest";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "./content.mjs";
import { collect } from "./temporary.ts";

const DAY_MS = 86_400_000;
const SEGMENT_BYTES = BLOCKS * SEALED_BYTES;
const TITLES = 400;
const MOST_PINNED = 8;

interface Life {
  readonly clock: ManualClock;
  readonly random: Random;
  /** Closes and opens again, where that loses nothing. */
  readonly reopen: (blocks: BlockStore) => Promise<BlockStore>;
}

/** Few titles are wanted often, most seldom. */
function title(random: Random): number {
  return Math.floor(TITLES * randomFraction(random) ** 3);
}

/** Random downloads, ages, pins and limits; every day, what must hold is checked. Gives the hits counted. */
export async function liveForAYear(opened: BlockStore, { clock, random, reopen }: Life): Promise<number> {
  let blocks = opened;
  let limitBytes = 60 * SEGMENT_BYTES;
  let maxAgeMs = 28 * DAY_MS;
  let storedBytes = 0;
  const pinned = new Set<number>();
  await blocks.setLimits({ limitBytes, maxAgeMs });
  for (let day = 0; day < 365; day++) {
    if (day % 30 === 29) {
      limitBytes = randomInteger(random, 20, 90) * SEGMENT_BYTES + randomInteger(random, 0, SEALED_BYTES);
      maxAgeMs = randomInteger(random, 5, 40) * DAY_MS;
      await blocks.setLimits({ limitBytes, maxAgeMs });
    }
    if (day % 90 === 89) blocks = await reopen(blocks);
    const downloads = randomInteger(random, 0, 12);
    for (let i = 0; i < downloads; i++) {
      const n = title(random);
      const parts = randomInteger(random, 1, BLOCKS);
      for (let index = 0; index < parts; index++) {
        const result = await blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
        if (result === "full") throw new Error(`day ${day}: full`);
        if (result === "stored") storedBytes += SEALED_BYTES;
      }
      const wanted = title(random);
      const block = await blocks.getBlock(segmentOf(wanted).id, 0);
      if (block && Buffer.compare(block.data, sealedBlock(wanted, 0).data) !== 0)
        throw new Error(`day ${day}: wrong bytes of ${wanted}`);
    }
    const n = title(random);
    if (pinned.has(n)) {
      expect(await blocks.unpin(segmentOf(n).id), `day ${day}`).toBe(true);
      pinned.delete(n);
    } else if (pinned.size < MOST_PINNED && (await blocks.pin(segmentOf(n).id))) {
      pinned.add(n);
    }
    await clock.advance(randomInteger(random, DAY_MS / 2, (3 * DAY_MS) / 2));
    await blocks.flush();

    const { bytes, segments } = await blocks.usage();
    const list = await collect(blocks.list());
    const held = new Set(list.map(({ id }) => toHex(id)));
    const { gone } = await blocks.statistics();
    expect(
      list.reduce((sum, segment) => sum + segment.bytes, 0),
      `day ${day}`,
    ).toBe(bytes);
    expect(list.length).toBe(segments.complete + segments.partial);
    expect(bytes).toBeLessThanOrEqual(limitBytes);
    const lost = [...pinned].filter((one) => !held.has(toHex(segmentOf(one).id)));
    expect(lost, `day ${day}: pinned`).toEqual([]);
    const tooOld = list.filter(({ pins, createdMs }) => pins === 0 && clock.wallMs() - createdMs >= maxAgeMs);
    expect(tooOld, `day ${day}: too old`).toEqual([]);
    const goneBytes = Object.values(gone).reduce((sum, one) => sum + one.bytes, 0);
    expect(storedBytes - goneBytes, `day ${day}: all that came is here or accounted for`).toBe(bytes);
  }
  const { gone, hits } = await blocks.statistics();
  expect(gone.size.segments).toBeGreaterThan(50);
  expect(gone.age.segments).toBeGreaterThan(50);
  return hits;
}
