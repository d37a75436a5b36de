import { type Profile, type Report, runProfile } from "@branchcache/conformance";
import { systemClock } from "@branchcache/runtime/node";

export function run<T>(profile: Profile<T>, target: T, only?: readonly string[]): Promise<Report> {
  const options = { targetName: "target", seed: 1, version: "0", clock: systemClock };
  return runProfile(profile, target, { ...options, ...(only && { only }) });
}

/** Ids of the checks that failed or were left open, sorted. */
export function failedIds({ results }: Report): string[] {
  return results
    .filter(({ outcome }) => outcome === "fail" || outcome === "inconclusive")
    .map(({ id }) => id)
    .sort();
}
