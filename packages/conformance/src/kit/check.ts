/** What a check is, and what comes out of it. */

/** A broken MUST fails the run. A broken SHOULD is counted apart, and fails it only if SHOULD is asked for. */
export type Level = "MUST" | "SHOULD";

/**
 * - `pass`, `fail`: the rule was seen to be kept, or broken;
 * - `skipped`: the target, or what the kit was given, has nothing to try it on;
 * - `inconclusive`: nothing was seen either way, for example because the target no longer answers.
 */
export type Outcome = "pass" | "fail" | "skipped" | "inconclusive";

/** What one check saw. */
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
  /** Ids of the rules in `protocol-specs` that a pass shows to be kept. */
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
  /** Its command: `retrieval-server`. */
  readonly name: string;
  /** The role, for people. */
  readonly title: string;
  /** A plain exchange that any implementation of the role manages. Throws, with a reason, if the target does not. */
  control(target: Target): Promise<void>;
  /** In the order in which they run. */
  readonly checks: readonly Check<Target>[];
}

/** A pass or a failure, with what was sent, what came, and what should have come. */
export function finding(good: boolean, sent: string, received: string, expected: string): Finding {
  return { outcome: good ? "pass" : "fail", sent, received, expected };
}

/** Nothing to try the rule on, and why. */
export function skipped(reason: string): Finding {
  return { outcome: "skipped", sent: "", received: "", expected: reason };
}

/** Looks at one item after the other until one does not pass: that finding, or the last. There has to be an item. */
export async function firstFault<T>(
  items: readonly T[],
  find: (item: T) => Promise<Finding>,
): Promise<Finding> {
  let found: Finding | undefined;
  for (const item of items) {
    found = await find(item);
    if (found.outcome !== "pass") break;
  }
  if (!found) throw new TypeError("nothing to look at");
  return found;
}
