/** Notices when many in the branch look for the same segments at once. */
import type { SegmentId } from "@branchcache/content-info";
import { type Clock, setNewest, toHex } from "@branchcache/runtime";

/** So many others make a crowd, if they all asked within the time. */
const CROWD = 3;
const WITHIN_MS = 10_000;
const SEGMENTS_MAX = 4_096;

export class ProbeCrowd {
  readonly #clock: Pick<Clock, "monotonicMs">;
  /**
   * The newest who asked, and when, by segment and address family: one machine asks by both families. The segment
   * asked for last comes last.
   */
  readonly #askers = new Map<string, Map<string, number>>();
  /** Until when they are wanted by a crowd. Mostly empty, so that asking costs nothing. */
  readonly #crowdedUntilMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  note(ids: readonly SegmentId[], from: string): void {
    const nowMs = this.#clock.monotonicMs();
    for (const id of ids) {
      const name = nameOf(id, from.includes(":") ? 6 : 4);
      const askers = this.#askers.get(name) ?? new Map<string, number>();
      setNewest(askers, from, nowMs, CROWD);
      const forgotten = setNewest(this.#askers, name, askers, SEGMENTS_MAX);
      if (askers.size === CROWD) this.#crowdedUntilMs.set(name, Math.min(...askers.values()) + WITHIN_MS);
      if (forgotten !== undefined) this.#crowdedUntilMs.delete(forgotten);
    }
  }

  /** Whether a crowd wants one of these. */
  wants(ids: Iterable<SegmentId>): boolean {
    if (this.#crowdedUntilMs.size === 0) return false;
    const nowMs = this.#clock.monotonicMs();
    for (const [name, untilMs] of this.#crowdedUntilMs) {
      if (untilMs <= nowMs) this.#crowdedUntilMs.delete(name);
    }
    if (this.#crowdedUntilMs.size === 0) return false;
    for (const id of ids) {
      if (this.#crowdedUntilMs.has(nameOf(id, 4)) || this.#crowdedUntilMs.has(nameOf(id, 6))) return true;
    }
    return false;
  }
}

function nameOf(id: SegmentId, family: 4 | 6): string {
  return `${toHex(id)}/${family}`;
}
