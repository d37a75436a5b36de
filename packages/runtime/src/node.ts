/** What needs Node.js: its clock, its random source, ranges of addresses, a command's standard output. */
import { getRandomValues } from "node:crypto";
import { type CancelTimer, type Clock, makeClock } from "./clock.ts";
import type { Random } from "./random.ts";

export { type AddressRanges, addressRanges } from "./node/address-ranges.ts";
export { endWithReader } from "./node/end-with-reader.ts";

// Node fires a timer at once when its delay does not fit in 31 bits.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function after(ms: number, fn: () => void): CancelTimer {
  // A timer of none takes one millisecond at least.
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

export const systemClock: Clock = makeClock({
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after,
});

export const systemRandom: Random = {
  bytes: (length) => {
    const bytes = new Uint8Array(length);
    // getRandomValues refuses more than 64 KiB at a time.
    for (let at = 0; at < length; at += 65_536) getRandomValues(bytes.subarray(at, at + 65_536));
    return bytes;
  },
};
