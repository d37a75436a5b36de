import { type CancelTimer, type Clock, makeClock } from "../clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly fn: () => void;
}

export interface ManualClock extends Clock {
  /** Moves time on, runs whatever falls due in order, and lets promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Lets promises settle without moving time. */
  settle(): Promise<void>;
  /** Timers not yet run. A test ends by checking that there are none. */
  readonly pending: number;
  /** Milliseconds until the next timer; undefined if there is none. */
  readonly nextInMs: number | undefined;
}

/** A clock that stands still until told otherwise. `startMs` is the wall time it starts from. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let nowMs = 0;
  let order = 0;
  const timers = new Set<Timer>();

  const next = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (!first || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  };

  const clock = makeClock({
    wallMs: () => startMs + nowMs,
    monotonicMs: () => nowMs,
    after(ms, fn): CancelTimer {
      const timer = { dueMs: nowMs + Math.max(ms, 0), order: order++, fn };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
  });

  return {
    ...clock,
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let timer = next(); timer && timer.dueMs <= untilMs; timer = next()) {
        timers.delete(timer);
        nowMs = timer.dueMs;
        timer.fn();
        await settle();
      }
      nowMs = untilMs;
    },
    settle,
    get pending() {
      return timers.size;
    },
    get nextInMs() {
      const timer = next();
      return timer && timer.dueMs - nowMs;
    },
  };
}

/** Several rounds of the event loop: one promise often starts another. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) await new Promise<void>((resolve) => setImmediate(resolve));
}
