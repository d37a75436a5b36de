/** Checks of what a caller passes in: where JavaScript lets a wrong value through, a wait would never end. */
import { BranchCacheError } from "./errors.ts";

/**
 * Does nothing for `undefined`, which stands for the default. Throws `BC_INVALID_ARGUMENT`, which names the option, for
 * NaN and for a number below `least` or above `most`.
 */
export function requireNumber(
  name: string,
  value: number | undefined,
  least: number,
  most = Number.POSITIVE_INFINITY,
): void {
  if (value === undefined || (value >= least && value <= most)) return;
  const bounds = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `from ${least} to ${most}`;
  throw new BranchCacheError("BC_INVALID_ARGUMENT", `${name} has to be a number ${bounds}, not ${value}`);
}

/** Does nothing for `undefined`. Throws `BC_INVALID_ARGUMENT`, which names the option, for none of these values. */
export function requireOneOf(
  name: string,
  value: string | number | undefined,
  values: readonly (string | number)[],
): void {
  if (value === undefined || values.includes(value)) return;
  throw new BranchCacheError(
    "BC_INVALID_ARGUMENT",
    `${name} has to be one of ${values.join(", ")}, not ${value}`,
  );
}
