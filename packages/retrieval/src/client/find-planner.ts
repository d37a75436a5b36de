import type { SegmentState } from "./fetch-state.ts";

/** Segments in one question to the finder; four times as many after each that nobody answered. */
const BATCH = 64;
const MAX_BATCH = 4_096;

/**
 * What the finder is asked, and when: one question at a time, about many segments, as soon as the reader
 * comes near one of them.
 */
export class FindPlanner {
  /** Segments with a block that no known peer would give, and which were not asked about. */
  readonly #waiting = new Set<SegmentState>();
  #asked: readonly SegmentState[] | undefined;
  #answered = false;
  #batch = BATCH;
  #urgent = false;

  /** Nobody answered lately, so that the next question had better be a big one. */
  get fruitless(): boolean {
    return this.#batch > BATCH;
  }

  /** `near`: the reader may need it soon. */
  add(segment: SegmentState, near: boolean): void {
    this.#waiting.add(segment);
    this.#urgent ||= near;
  }

  remove(segment: SegmentState): void {
    this.#waiting.delete(segment);
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** The reader came near this segment. */
  approach(segment: SegmentState): void {
    if (this.#waiting.has(segment)) this.#urgent = true;
  }

  /** A peer that holds some of it was found. */
  noteAnswer(): void {
    this.#answered = true;
  }

  /** The next question, if it is time; slots up to `nearOrder` are near. */
  next(nearOrder: number): readonly SegmentState[] | undefined {
    if (this.#asked || !this.#urgent) return undefined;
    const waiting = [...this.#waiting].sort((a, b) => firstOrder(a) - firstOrder(b));
    const batch = waiting.slice(0, this.#batch);
    const later = waiting[batch.length];
    this.#urgent = later !== undefined && firstOrder(later) < nearOrder;
    if (batch.length === 0) return undefined;
    for (const segment of batch) {
      this.#waiting.delete(segment);
      segment.discovery = "asked";
    }
    this.#asked = batch;
    this.#answered = false;
    return batch;
  }

  /** The finder has no more to say; returns what it was asked about. */
  end(): readonly SegmentState[] {
    const segments = this.#asked ?? [];
    this.#asked = undefined;
    this.#batch = this.#answered ? BATCH : Math.min(this.#batch * 4, MAX_BATCH);
    for (const segment of segments) segment.discovery = "done";
    return segments;
  }
}

function firstOrder({ slots }: SegmentState): number {
  for (const slot of slots) return slot.order;
  return Number.POSITIVE_INFINITY;
}
