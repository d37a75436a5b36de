/** How long the one who downloads may keep the hashing of the same bytes waiting. */
import type { Clock } from "@branchcache/runtime";

export interface Patience {
  /** The download takes no more for now. May be called again. */
  pause(): void;
  resume(): void;
}

/** `onSpent` is called once, when all pauses together have taken `limitMs`. */
export function createPatience(clock: Clock, limitMs: number, onSpent: () => void): Patience {
  let leftMs = limitMs;
  let pausedAtMs: number | undefined;
  let cancel = (): void => {};
  return {
    pause() {
      if (pausedAtMs !== undefined) return;
      pausedAtMs = clock.monotonicMs();
      cancel = clock.after(Math.max(leftMs, 0), onSpent);
    },
    resume() {
      cancel();
      if (pausedAtMs !== undefined) leftMs -= clock.monotonicMs() - pausedAtMs;
      pausedAtMs = undefined;
    },
  };
}
