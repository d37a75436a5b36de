import { type CancelTimer, type Clock, makeClock } from "../clock.ts";

// Node fires a timer at once when its delay does not fit in 31 bits.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function after(ms: number, fn: () => void): CancelTimer {
  // `setTimeout` waits for at least one millisecond.
  if (ms <= 0) {
    const turn = setImmediate(fn);
    return () => clearImmediate(turn);
  }
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    timer =
      leftMs > LONGEST_TIMER_MS
        ? setTimeout(() => arm(leftMs - LONGEST_TIMER_MS), LONGEST_TIMER_MS)
        : setTimeout(fn, Math.ceil(leftMs));
  };
  arm(ms);
  return () => clearTimeout(timer);
}

/** The clock and the timers of Node.js. */
export const systemClock: Clock = makeClock({
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after,
});
