import type { SegmentState } from "./fetch-state.ts";

/** Segments in one question to the finder; four times as many after each that nobody answered. */
const BATCH = 64;
const MAX_BATCH = 4_096;
/** Added to these, while no peer gave anything: at most so many, spread evenly over what is wanted later. */
const SAMPLE = 32;

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
  #served = false;
  /** The question under way is about enough for its answer, if there is none, to count for all segments. */
  #telling = false;
  #alone = false;

  /**
   * No peer gave anything so far, and nobody answered a question about the next segments and a sample of all
   * further ones: the finder is not asked again in this download.
   */
  get alone(): boolean {
    return this.#alone;
  }

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

  /** A peer gave a block. */
  noteServed(): void {
    this.#served = true;
  }

  /** The next question, if it is time; slots up to `nearOrder` are near, and `all` in the order of reading. */
  next(nearOrder: number, all: Iterable<SegmentState>): readonly SegmentState[] | undefined {
    if (this.#asked || !this.#urgent) return undefined;
    const waiting = [...this.#waiting].sort((a, b) => firstOrder(a) - firstOrder(b));
    const batch = waiting.slice(0, this.#batch);
    const later = waiting[batch.length];
    this.#urgent = later !== undefined && firstOrder(later) < nearOrder;
    if (batch.length === 0) return undefined;
    for (const segment of batch) this.#take(segment);
    if (!this.#served) {
      const rest = [...all].filter(({ discovery }) => discovery === "none");
      const sample = sampleOf(rest);
      for (const segment of sample) this.#take(segment);
      batch.push(...sample);
      this.#telling = batch.length >= BATCH || sample.length === rest.length;
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
    this.#alone ||= this.#telling && !this.#answered && !this.#served;
    for (const segment of segments) segment.discovery = "done";
    return segments;
  }

  #take(segment: SegmentState): void {
    this.#waiting.delete(segment);
    segment.discovery = "asked";
  }
}

function sampleOf(segments: readonly SegmentState[]): readonly SegmentState[] {
  const step = Math.ceil(segments.length / SAMPLE);
  return segments.filter((_, i) => i % step === step - 1);
}

function firstOrder({ slots }: SegmentState): number {
  for (const slot of slots) return slot.order;
  return Number.POSITIVE_INFINITY;
}
