/** What a check is, and what comes out of it. */

/** How much it weighs: a broken MUST fails a run, a broken SHOULD is told apart. */
export type Level = "MUST" | "SHOULD";

/**
 * - `pass`, `fail`: the rule was seen to be kept, or broken;
 * - `skipped`: the target, or what the kit was given, has nothing to try it on;
 * - `inconclusive`: nothing was seen either way, for example because the target no longer answers.
 */
export type Outcome = "pass" | "fail" | "skipped" | "inconclusive";

/** What a check saw. */
export interface Finding {
  readonly outcome: Outcome;
  /** What was sent, for people; bytes as hexadecimal digits, cut short. */
  readonly sent: string;
  /** What came. */
  readonly received: string;
  /** What should have come, or why there was nothing to try. */
  readonly expected: string;
}

export interface Check<Target> {
  /** Unique in its profile, the same from version to version: `missing-block`. */
  readonly id: string;
  /** Ids of the rules in `protocol-specs` whose keeping it shows. */
  readonly requirements: readonly string[];
  readonly level: Level;
  /** What the target does when it passes, as a sentence without subject. */
  readonly title: string;
  /**
   * Passes when something does *not* come. It counts only if the control exchange of the profile succeeds
   * right after it, so that a dead target cannot pass.
   */
  readonly negative?: boolean;
  /** May throw: that is an inconclusive outcome. */
  run(target: Target): Promise<Finding>;
}

/** The checks of one role, and how to reach whoever plays it. */
export interface Profile<Target> {
  readonly name: string;
  /** The role, for people. */
  readonly title: string;
  /** A plain exchange that any implementation of the role manages. Throws, with a reason, if the target does not. */
  control(target: Target): Promise<void>;
  readonly checks: readonly Check<Target>[];
}

/** Something sent, and what it says of the outcome. */
export function finding(good: boolean, sent: string, received: string, expected: string): Finding {
  return { outcome: good ? "pass" : "fail", sent, received, expected };
}

export function skipped(reason: string): Finding {
  return { outcome: "skipped", sent: "", received: "", expected: reason };
}
