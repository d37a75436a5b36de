/** When the oldest segment of a cache came: for the page and `cache show`. */
import type { BlockStore } from "@branchcache/cache-store";
import type { Clock } from "@branchcache/runtime";

const FRESH_MS = 60_000;
/** A walk through more would be felt by those who are served. */
const SEGMENTS_MAX = 20_000;

export class OldestSegment {
  readonly #clock: Clock;
  #untilMs = 0;
  #createdMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Looked up once a minute at most, since it takes a walk; undefined for an empty cache, and for a big one. */
  async createdMs(blocks: Pick<BlockStore, "list" | "usage">): Promise<number | undefined> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#untilMs) return this.#createdMs;
    const { complete, partial } = (await blocks.usage()).segments;
    if (complete + partial > SEGMENTS_MAX) return undefined;
    let oldest: number | undefined;
    for await (const { createdMs } of blocks.list()) oldest = Math.min(oldest ?? createdMs, createdMs);
    this.#createdMs = oldest;
    // Of an empty cache the next look takes no time either.
    if (oldest !== undefined) this.#untilMs = nowMs + FRESH_MS;
    return oldest;
  }
}
