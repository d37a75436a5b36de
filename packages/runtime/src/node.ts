/** The real clock and random source of Node.js. */
import { getRandomValues } from "node:crypto";
import { type Clock, makeClock } from "./clock.ts";
import type { Random } from "./random.ts";

// Node fires a timer at once when its delay does not fit in 31 bits.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = makeClock({
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
});

export const systemRandom: Random = {
  bytes: (length) => {
    const bytes = new Uint8Array(length);
    // getRandomValues refuses more than 64 KiB at a time.
    for (let at = 0; at < length; at += 65_536) getRandomValues(bytes.subarray(at, at + 65_536));
    return bytes;
  },
};
