/** When the oldest segment of a cache was stored, for the dashboard. */
import type { BlockStore } from "@branchcache/cache-store";
import type { Clock } from "@branchcache/runtime";

const FRESH_MS = 60_000;
/** Listing more than these would slow down everybody whom the daemon serves. */
const SEGMENTS_MAX = 20_000;

export class OldestSegment {
  readonly #clock: Clock;
  #untilMs = 0;
  #createdMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wall time in ms; undefined for an empty cache, and for one too large to list. Listed once a minute at most. */
  async createdMs(blocks: Pick<BlockStore, "list" | "usage">): Promise<number | undefined> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#untilMs) return this.#createdMs;
    const { complete, partial } = (await blocks.usage()).segments;
    if (complete + partial > SEGMENTS_MAX) return undefined;
    let oldest: number | undefined;
    for await (const { createdMs } of blocks.list()) oldest = Math.min(oldest ?? createdMs, createdMs);
    this.#createdMs = oldest;
    // Listing an empty cache costs nothing, so its first segment shows at once.
    if (oldest !== undefined) this.#untilMs = nowMs + FRESH_MS;
    return oldest;
  }
}
