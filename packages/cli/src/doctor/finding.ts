/** What a look at one thing found. */
export interface Finding {
  /** `port`, `firewall`, `multicast` ... */
  readonly check: string;
  /** `unknown`: could not be looked at, as said. */
  readonly result: "good" | "bad" | "unknown";
  readonly text: string;
  /** What to do about it. */
  readonly cure?: string;
}

export const good = (check: string, text: string): Finding => ({ check, result: "good", text });
export const unknown = (check: string, text: string): Finding => ({ check, result: "unknown", text });
export const bad = (check: string, text: string, cure: string): Finding => ({
  check,
  result: "bad",
  text,
  cure,
});
