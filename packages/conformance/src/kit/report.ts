/** The results of a run, and what they amount to. */
import type { Finding, Level, Outcome } from "./check.ts";
import type { Quirk } from "./quirks.ts";

/** What one check saw, with what it was and how long it took. */
export interface CheckResult extends Finding {
  readonly id: string;
  readonly requirements: readonly string[];
  readonly level: Level;
  readonly title: string;
  /** Only beside a failure, where a widely used implementation is known to fail in the same way. */
  readonly quirk?: Quirk;
  /** With what the check waited for. */
  readonly durationMs: number;
}

/** One run of a profile against one target, as every form of report is made from it. */
export interface Report {
  /** Name of the profile. */
  readonly profile: string;
  /** The role, for people. */
  readonly title: string;
  /** How whoever started the run named the target. */
  readonly target: string;
  /** The same seed gives the same run. */
  readonly seed: number;
  /** Version of the kit. */
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly results: readonly CheckResult[];
}

/** How many checks had each outcome. */
export type Counts = Readonly<Record<Outcome, number>>;

/** Counts all results, or those of one level. */
export function countOutcomes(results: readonly CheckResult[], level?: Level): Counts {
  const counts = { pass: 0, fail: 0, skipped: 0, inconclusive: 0 };
  for (const result of results) if (level === undefined || result.level === level) counts[result.outcome]++;
  return counts;
}

/**
 * At least one check passed, and none of the level failed or was inconclusive: no MUST, and with level SHOULD no
 * SHOULD either.
 */
export function conforms({ results }: Report, level: Level = "MUST"): boolean {
  const kept = ({ outcome }: CheckResult) => outcome === "pass" || outcome === "skipped";
  const weighs = (result: CheckResult) => level === "SHOULD" || result.level === "MUST";
  return (
    results.some(({ outcome }) => outcome === "pass") &&
    results.every((result) => kept(result) || !weighs(result))
  );
}
