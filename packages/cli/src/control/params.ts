/** The parameters of a call on the control socket. */
import { BranchCacheError } from "@branchcache/runtime";
import type { z } from "zod";

/** As the method's schema reads them. Errors: `BC_INVALID_ARGUMENT`, naming each parameter at fault. */
export function readParams<Schema extends z.ZodType>(schema: Schema, params: unknown): z.output<Schema> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => [...path, message].map(String).join(": "));
  throw new BranchCacheError("BC_INVALID_ARGUMENT", faults.join("; "));
}
