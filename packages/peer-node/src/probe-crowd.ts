/** Notices when many in the branch look for the same segments at once. */
import type { SegmentId } from "@branchcache/content-info";
import { type Clock, toHex } from "@branchcache/runtime";

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

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  note(ids: readonly SegmentId[], from: string): void {
    const nowMs = this.#clock.monotonicMs();
    for (const id of ids) {
      const name = nameOf(id, from.includes(":") ? 6 : 4);
      const askers = this.#askers.get(name) ?? new Map<string, number>();
      askers.delete(from);
      askers.set(from, nowMs);
      if (askers.size > CROWD) dropOldest(askers);
      this.#askers.delete(name);
      this.#askers.set(name, askers);
      if (this.#askers.size > SEGMENTS_MAX) dropOldest(this.#askers);
    }
  }

  wants(id: SegmentId): boolean {
    const sinceMs = this.#clock.monotonicMs() - WITHIN_MS;
    return FAMILIES.some((family) => {
      const askers = this.#askers.get(nameOf(id, family));
      return askers?.size === CROWD && [...askers.values()].every((atMs) => atMs > sinceMs);
    });
  }
}

const FAMILIES = [4, 6] as const;

function nameOf(id: SegmentId, family: 4 | 6): string {
  return `${toHex(id)}/${family}`;
}

function dropOldest(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
