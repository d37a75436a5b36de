/** Runs the checks of a profile, one after another. */
import { BranchCacheError, type Clock, errorMessage } from "@branchcache/runtime";
import type { Check, Finding, Profile } from "./check.ts";
import { findQuirk } from "./quirks.ts";
import type { CheckResult, Report } from "./report.ts";

/** Which checks are run, and what the report says of the run. */
export interface RunOptions {
  /** How the target is named in the report. */
  readonly targetName: string;
  /** Seed of what is chosen by chance. It stands in the report: with the same seed the run is the same. */
  readonly seed: number;
  /** Ids of checks, or of requirements; the others are left out. Default: all. */
  readonly only?: readonly string[];
  /** Version of the kit, for the report. */
  readonly version: string;
  /** Tells how long each check took, and when the run began. */
  readonly clock: Clock;
  /** Called after each check: its result, how many are done, and of how many. */
  onResult?(result: CheckResult, done: number, of: number): void;
  /** Aborted, it ends the run after the check that is under way. */
  readonly signal?: AbortSignal;
}

/**
 * The checks that `only` names, by their own id or by a requirement; all without it. Errors:
 * `BC_CONFORMANCE_INPUT` for a name that no check has.
 */
export function selectChecks<T>(
  profile: Profile<T>,
  only: readonly string[] | undefined,
): readonly Check<T>[] {
  if (only === undefined || only.length === 0) return profile.checks;
  const names = ({ id, requirements }: Check<T>) => [id, ...requirements];
  const unknown = only.find((name) => !profile.checks.some((check) => names(check).includes(name)));
  if (unknown !== undefined) {
    throw new BranchCacheError(
      "BC_CONFORMANCE_INPUT",
      `no check of ${profile.name} has the id ${unknown}, or shows a rule of that id`,
    );
  }
  return profile.checks.filter((check) => names(check).some((name) => only.includes(name)));
}

/**
 * Rejects with `signal.reason` when aborted. Errors: `BC_CONFORMANCE_UNREACHABLE`, with what the control exchange
 * said, if the target does not even manage that before the first check.
 */
export async function runProfile<T>(profile: Profile<T>, target: T, options: RunOptions): Promise<Report> {
  const { clock, signal } = options;
  const startedMs = clock.wallMs();
  const checks = selectChecks(profile, options.only);
  try {
    await profile.control(target);
  } catch (error) {
    const message = `no check was run, since a plain exchange failed: ${errorMessage(error)}`;
    throw new BranchCacheError("BC_CONFORMANCE_UNREACHABLE", message, { cause: error });
  }
  const results: CheckResult[] = [];
  for (const check of checks) {
    signal?.throwIfAborted();
    const atMs = clock.monotonicMs();
    const found = await runCheck(profile, check, target);
    const quirk = found.outcome === "fail" ? findQuirk(profile.name, check.id) : undefined;
    const result: CheckResult = {
      id: check.id,
      requirements: check.requirements,
      level: check.level,
      title: check.title,
      ...found,
      ...(quirk !== undefined && { quirk }),
      durationMs: clock.monotonicMs() - atMs,
    };
    results.push(result);
    options.onResult?.(result, results.length, checks.length);
  }
  return {
    profile: profile.name,
    title: profile.title,
    target: options.targetName,
    seed: options.seed,
    version: options.version,
    startedAt: new Date(startedMs).toISOString(),
    results,
  };
}

async function runCheck<T>(profile: Profile<T>, check: Check<T>, target: T): Promise<Finding> {
  let found: Finding;
  try {
    found = await check.run(target);
  } catch (error) {
    return inconclusive(check.title, errorMessage(error));
  }
  if (check.negative !== true || found.outcome !== "pass") return found;
  try {
    await profile.control(target);
    return found;
  } catch (error) {
    return {
      ...found,
      outcome: "fail",
      received: `${found.received}; but then a plain exchange failed: ${errorMessage(error)}`,
    };
  }
}

function inconclusive(expected: string, received: string): Finding {
  return { outcome: "inconclusive", sent: "", received, expected };
}
