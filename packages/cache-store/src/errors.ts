import { BranchCacheError, type BranchCacheErrorOptions } from "@branchcache/runtime";

/** Codes of `StoreError`. */
export type StoreErrorCode =
  /** Arguments that no segment or block can have: the caller's mistake. */
  | "BC_STORE_INVALID"
  /** A writer's facts contradict the record. */
  | "BC_STORE_MISMATCH"
  /** No room on the disk for something that is no block. */
  | "BC_STORE_FULL"
  /** The cluster does not answer in time. */
  | "BC_STORE_UNREACHABLE"
  /** Used after `close`. */
  | "BC_STORE_CLOSED"
  /** The place cannot be used: no directory, no permission, too long a path. */
  | "BC_STORE_PATH"
  /** The files are damaged, and could not be set aside. */
  | "BC_STORE_CORRUPT"
  /** Open elsewhere, in this process or another. */
  | "BC_STORE_BUSY"
  /** A package or reference file is cut off, damaged or something else. */
  | "BC_PACKAGE_DAMAGED"
  /** Written in a format of another version. */
  | "BC_STORE_VERSION"
  /** Reading or writing failed for another reason, told by `cause`. */
  | "BC_STORE_IO";

/** A failure of a store; where a path has to do with it, `path` names it. */
export class StoreError extends BranchCacheError {
  declare readonly code: StoreErrorCode;
  readonly path?: string;

  constructor(
    code: StoreErrorCode,
    message: string,
    options: BranchCacheErrorOptions & { readonly path?: string } = {},
  ) {
    super(code, options.path === undefined ? message : `${options.path}: ${message}`, options);
    if (options.path !== undefined) this.path = options.path;
  }
}

/** What every method of a store rejects with after `close`. */
export function closedError(): StoreError {
  return new StoreError("BC_STORE_CLOSED", "the store is closed");
}

/** No room on the disk that `path` lies on. */
export function noSpaceError(path: string, cause?: unknown): StoreError {
  return new StoreError("BC_STORE_FULL", "no space left on the device", {
    path,
    ...(cause !== undefined && { cause }),
  });
}
