/**
 * How much of the slow lane to go through: `BRANCHCACHE_SLOW_SHARE`, from 0 to 1, default 1.
 */
const share = Number(process.env["BRANCHCACHE_SLOW_SHARE"] ?? "1");

if (!(share > 0 && share <= 1)) throw new Error("BRANCHCACHE_SLOW_SHARE is no number from 0 to 1");

/** That share of a full count, at least one. */
export function slowRuns(full: number): number {
  return Math.max(1, Math.ceil(full * share));
}
