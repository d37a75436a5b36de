/**
 * How much of the slow lane to go through: `BRANCHCACHE_SLOW_SHARE`, from 0 to 1, default 1.
 */
const share = Number(process.env["BRANCHCACHE_SLOW_SHARE"] ?? "1");

if (!(share > 0 && share <= 1)) throw new Error("BRANCHCACHE_SLOW_SHARE is no number from 0 to 1");

/** That share of a full count, at least one. */
export function slowRuns(full: number): number {
  return Math.max(1, Math.ceil(full * share));
}

/** That share of a table, evenly spread, and at least so many rows. */
export function slowSample<T>(rows: readonly T[], least: number): readonly T[] {
  const count = Math.min(rows.length, Math.max(least, slowRuns(rows.length)));
  return Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)] as T);
}

/**
 * Every sixth row of a table in the fast lane, the others in the slow one: for tables whose rows take long and have a
 * slow twin, a `*.slow.test.ts` that imports the test file.
 */
export function sampled<T>(rows: readonly T[]): readonly T[] {
  const ofLane = (isSlow: boolean) => rows.filter((_, i) => (i % 6 !== 0) === isSlow);
  return inLane({ fast: ofLane(false), slow: ofLane(true) });
}

/** What the lane that is running takes, for a test file that has a slow twin. */
export function inLane<T>({ fast, slow }: { readonly fast: T; readonly slow: T }): T {
  return process.env["BRANCHCACHE_SLOW_LANE"] === "1" ? slow : fast;
}
