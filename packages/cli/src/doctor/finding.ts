/** What one check found. */
import type { EventName } from "@branchcache/runtime";

export interface Finding {
  /** `port`, `firewall`, `multicast` ... */
  readonly check: string;
  /** `unknown`: it could not be checked, and `text` says why. */
  readonly result: "good" | "bad" | "unknown";
  readonly text: string;
  /** What to do about it. */
  readonly cure?: string;
  /** The event as which the daemon reports it. Default `doctor.found`. */
  readonly event?: EventName;
}

export const good = (check: string, text: string): Finding => ({ check, result: "good", text });
export const unknown = (check: string, text: string): Finding => ({ check, result: "unknown", text });
export const bad = (check: string, text: string, cure: string, event?: EventName): Finding => ({
  check,
  result: "bad",
  text,
  cure,
  ...(event && { event }),
});
