/** Takes segments and blocks out of the store, through the queue of all changes. */
import type { SegmentId } from "@branchcache/content-info";
import type { Clock } from "@branchcache/runtime";
import type { Limits, RemoveAllOptions } from "../block-store.ts";
import type { Ledger } from "../store/ledger.ts";
import type { SegmentState } from "../store/segment-state.ts";
import { isSamePlace, type Place } from "./blocks/place.ts";
import type { ChangeQueue, Expected } from "./change-queue.ts";
import { type Environment, reading } from "./environment.ts";
import { type BlockTables, readCreatedUntil, readTagged } from "./tables.ts";

export interface RemovalsOptions {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly queue: ChangeQueue;
  readonly clock: Pick<Clock, "wallMs">;
  readonly limits: () => Limits;
  readonly expect: (id: SegmentId) => Expected;
  readonly state: (id: SegmentId) => SegmentState | undefined;
}

/** Segments removed in one transaction. */
const REMOVED_AT_ONCE = 64;

export class Removals {
  readonly #options: RemovalsOptions;

  constructor(options: RemovalsOptions) {
    this.#options = options;
  }

  /** One segment, pinned or not. False if it is not held. */
  async segment(id: SegmentId): Promise<boolean> {
    const { queue, expect } = this.#options;
    const own = new Uint8Array(id);
    const expected = expect(own);
    expected.known = undefined;
    expected.segment = undefined;
    return queue.change(expected, { bytes: 0, run: (ledger) => ledger.remove(own) });
  }

  /** One block, as `corrupt`, and the segment with its last one. False if it is not held. */
  async block(id: SegmentId, index: number): Promise<boolean> {
    const { queue, expect } = this.#options;
    const own = new Uint8Array(id);
    return queue.change(expect(own), { bytes: 0, run: (ledger) => ledger.dropBlock(own, index) });
  }

  /** The same for one that is damaged at `place`, unless it has been put anew meanwhile. */
  async damaged(id: SegmentId, index: number, place: Place | undefined): Promise<void> {
    const { queue, expect } = this.#options;
    const own = new Uint8Array(id);
    const isStill = (found: Place | undefined) => (place ? isSamePlace(found, place) : found === undefined);
    await queue.change(expect(own), {
      bytes: 0,
      run: (ledger, view) => isStill(view.place(own, index)) && ledger.dropBlock(own, index),
    });
  }

  /** As `BlockStore.removeAll`; without a tag, of the segments in `ids`. */
  async matching(
    ids: AsyncIterable<SegmentId>,
    { tag, shared = true, pinned = false }: RemoveAllOptions,
  ): Promise<number> {
    const { environment, tables, queue, state } = this.#options;
    let removed = 0;
    const removeOne = (ledger: Ledger<Place>, id: SegmentId) =>
      tag === undefined || shared ? ledger.remove(id, "flush") : ledger.removeTag(id, tag);
    const remove = async (page: readonly SegmentId[]) => {
      const going = page.filter((id) => pinned || state(id)?.pins === 0);
      removed += await queue.whole((ledger) => going.filter((id) => removeOne(ledger, id)).length);
    };
    if (tag !== undefined) {
      const tagged = reading(environment, () => readTagged(tables, tag));
      for (let i = 0; i < tagged.length; i += REMOVED_AT_ONCE)
        await remove(tagged.slice(i, i + REMOVED_AT_ONCE));
      return removed;
    }
    let page: SegmentId[] = [];
    for await (const id of ids) {
      page.push(id);
      if (page.length < REMOVED_AT_ONCE) continue;
      await remove(page);
      page = [];
    }
    await remove(page);
    return removed;
  }

  /** What is past its age. Gives the number removed. */
  async expired(): Promise<number> {
    let removed = 0;
    await this.#options.environment.ready();
    while (this.#isSomethingExpired()) {
      const count = await this.#options.queue.whole((ledger) => ledger.expire(REMOVED_AT_ONCE));
      // The transaction itself removes some before it asks for more; nothing left is no progress either.
      if (count === 0 && this.#isSomethingExpired()) break;
      removed += count;
    }
    return removed;
  }

  #isSomethingExpired(): boolean {
    const { environment, tables, clock, limits } = this.#options;
    const { maxAgeMs } = limits();
    if (maxAgeMs === undefined) return false;
    const untilMs = clock.wallMs() - maxAgeMs;
    return reading(environment, () => readCreatedUntil(tables, untilMs)) !== undefined;
  }
}
