/** Repeats of a datagram, by either edition of SOAP-over-UDP: 1.1 Appendix A, and 2004 Appendix I. */
import type { Random } from "../ports.ts";
import { randomInteger } from "./random.ts";

/**
 * When a datagram is sent again, since UDP may lose it: `repeat` times, after waits that double. SOAP-over-UDP 1.1
 * Appendix A.
 */
export interface TransmissionTiming {
  /** How often the same bytes follow the first send. */
  readonly repeat: number;
  /** The first wait is a random whole number of milliseconds from `minDelayMs` to `maxDelayMs`. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Waits double up to this. */
  readonly upperDelayMs: number;
}

const DELAYS = { minDelayMs: 50, maxDelayMs: 250, upperDelayMs: 500 };

/** SOAP-over-UDP 1.1 of OASIS, the default. */
export const SOAP_OVER_UDP_1_1: {
  readonly multicast: TransmissionTiming;
  readonly unicast: TransmissionTiming;
} = {
  multicast: { ...DELAYS, repeat: 2 },
  unicast: { ...DELAYS, repeat: 1 },
};

/** SOAP-over-UDP of September 2004: more repeats. */
export const SOAP_OVER_UDP_2004: {
  readonly multicast: TransmissionTiming;
  readonly unicast: TransmissionTiming;
} = {
  multicast: { ...DELAYS, repeat: 4 },
  unicast: { ...DELAYS, repeat: 2 },
};

/** The waits between sends, in milliseconds; as many as there are repeats. */
export function transmissionDelays(timing: TransmissionTiming, random: Random): number[] {
  const delaysMs: number[] = [];
  let delayMs = randomInteger(random, timing.minDelayMs, timing.maxDelayMs);
  for (let left = timing.repeat; left > 0; left--) {
    delaysMs.push(delayMs);
    delayMs = Math.min(2 * delayMs, timing.upperDelayMs);
  }
  return delaysMs;
}
