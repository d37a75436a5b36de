/** What engine and client say, sorted by what it means to a cache. */
import { errorMessage, isTimeout } from "@branchcache/runtime";
import { StoreError } from "../errors.ts";

/** The engine has no room, and nothing that it may evict. */
export function isOutOfRoom(error: unknown): boolean {
  return /^(OOM|ERR reach the max db size)/.test(errorMessage(error));
}

/** Asked for something that this engine or this user may not do; asking again is of no use. */
export function isRefused(error: unknown): boolean {
  return /^(NOAUTH|WRONGPASS|NOPERM|ERR unknown command|WRONGTYPE|ERR (This instance|Error (running|compiling)))/.test(
    errorMessage(error),
  );
}

export function unreachable(cause: unknown, what = "the cluster does not answer"): StoreError {
  if (cause instanceof StoreError) return cause;
  const reason = isTimeout(cause) ? "in time" : `(${reasonOf(cause)})`;
  return new StoreError("BC_STORE_UNREACHABLE", `${what} ${reason}`, { cause });
}

/** Where every node failed, the client keeps what the last one said apart. */
export function reasonOf(error: unknown): string {
  const last = typeof error === "object" && error !== null && "lastNodeError" in error && error.lastNodeError;
  return errorMessage(last || error);
}

/** What a question failed with, as a `StoreError`: `BC_STORE_FULL`, `BC_STORE_IO`, or the one that it is already. */
export function engineError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = isOutOfRoom(error) ? "BC_STORE_FULL" : "BC_STORE_IO";
  return new StoreError(code, errorMessage(error), { cause: error });
}
