/** What a look at one thing found. */
import type { EventName } from "@branchcache/runtime";

export interface Finding {
  /** `port`, `firewall`, `multicast` ... */
  readonly check: string;
  /** `unknown`: could not be looked at, as said. */
  readonly result: "good" | "bad" | "unknown";
  readonly text: string;
  /** What to do about it. */
  readonly cure?: string;
  /** Under which the daemon tells of it. Default `doctor.found`. */
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
