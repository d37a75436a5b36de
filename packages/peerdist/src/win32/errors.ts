/** The numbers that calls return and operations complete with. [System Error Codes] */
import { BranchCacheError } from "@branchcache/runtime";

/** The call is done; an asynchronous call never returns it, only completes with it. */
export const ERROR_SUCCESS = 0;
/** Not a handle, or one that is closed, or that belongs to another instance or is of another kind. */
export const ERROR_INVALID_HANDLE = 6;
/** Data does not match its hash. Only given if the option `rejectBadData` of the service is set. */
export const ERROR_INVALID_DATA = 13;
/** An argument is not valid. */
export const ERROR_INVALID_PARAMETER = 87;
/** The operation was cancelled, or its handle or instance closed. */
export const ERROR_OPERATION_ABORTED = 995;
/** The operation is still pending: `GetLastError` after a result query that did not wait. */
export const ERROR_IO_INCOMPLETE = 996;
/**
 * The operation was accepted; one completion follows. Any other return of an asynchronous call: none does.
 */
export const ERROR_IO_PENDING = 997;
/** The service is DISABLED. */
export const ERROR_ACCESS_DISABLED_BY_POLICY = 1260;
/** A fault inside the service. */
export const ERROR_INTERNAL_ERROR = 1359;
/**
 * A read's time ran out before any byte came. The OVERLAPPED's offset and the byte count are the missing range.
 */
export const ERROR_TIMEOUT = 1460;
/** The caller's identity has reached its quota. */
export const ERROR_NOT_ENOUGH_QUOTA = 1816;
/**
 * This identity has published nothing under the identifier, or not yet completed it. The number is that of
 * ERROR_NOT_FOUND.
 */
export const PEERDIST_ERROR_NOT_FOUND = 1168;
/** Content Information of a version that is not taken, or none of the versions asked for can be made. */
export const PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED = 4050;
/** Content Information is malformed. */
export const PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO = 4051;
/**
 * Neither local cache nor peers have it. The OVERLAPPED's offset and the byte count are the missing range.
 */
export const PEERDIST_ERROR_MISSING_DATA = 4052;
/** The end of the content, of the range or of the Content Information was reached. */
export const PEERDIST_ERROR_NO_MORE = 4053;
/** The Content Information of the handle is not complete yet. */
export const PEERDIST_ERROR_NOT_INITIALIZED = 4054;
/** The Content Information of the handle was complete before. */
export const PEERDIST_ERROR_ALREADY_INITIALIZED = 4055;
/** The instance is being shut down. */
export const PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS = 4056;
/** The handle ended when the service went disabled or unavailable; it still has to be closed. */
export const PEERDIST_ERROR_INVALIDATED = 4057;
/** This identity has published the identifier already: unpublish it first. */
export const PEERDIST_ERROR_ALREADY_EXISTS = 4058;
/** Nothing to cancel: the operation is unknown or has completed. */
export const PEERDIST_ERROR_OPERATION_NOTFOUND = 4059;
/** The same error, as some pages of the documentation spell it. */
export const PEERDIST_ERROR_OPERATION_NOT_FOUND: typeof PEERDIST_ERROR_OPERATION_NOTFOUND = 4059;
/** The stream was completed before; it takes no more data. */
export const PEERDIST_ERROR_ALREADY_COMPLETED = 4060;
/** Data past the end of the content, or of the length that a publication declared. */
export const PEERDIST_ERROR_OUT_OF_BOUNDS = 4061;
/** `PeerDistStartup`: there is no such version of the API. */
export const PEERDIST_ERROR_VERSION_UNSUPPORTED = 4062;
/** A setting is not valid. Never given by this service. */
export const PEERDIST_ERROR_INVALID_CONFIGURATION = 4063;
/** The edition of Windows has no licence for it. Never given by this service. */
export const PEERDIST_ERROR_NOT_LICENSED = 4064;
/** The service is not reached or not ready: try again later. */
export const PEERDIST_ERROR_SERVICE_UNAVAILABLE = 4065;
/** Traffic with some computers is suspended after recent errors. Never given by this service. */
export const PEERDIST_ERROR_TRUST_FAILURE = 4066;

const SYMBOLS: Readonly<Record<number, string>> = {
  [ERROR_SUCCESS]: "ERROR_SUCCESS",
  [ERROR_INVALID_HANDLE]: "ERROR_INVALID_HANDLE",
  [ERROR_INVALID_DATA]: "ERROR_INVALID_DATA",
  [ERROR_INVALID_PARAMETER]: "ERROR_INVALID_PARAMETER",
  [ERROR_OPERATION_ABORTED]: "ERROR_OPERATION_ABORTED",
  [ERROR_IO_INCOMPLETE]: "ERROR_IO_INCOMPLETE",
  [ERROR_IO_PENDING]: "ERROR_IO_PENDING",
  [ERROR_ACCESS_DISABLED_BY_POLICY]: "ERROR_ACCESS_DISABLED_BY_POLICY",
  [ERROR_INTERNAL_ERROR]: "ERROR_INTERNAL_ERROR",
  [ERROR_TIMEOUT]: "ERROR_TIMEOUT",
  [ERROR_NOT_ENOUGH_QUOTA]: "ERROR_NOT_ENOUGH_QUOTA",
  [PEERDIST_ERROR_NOT_FOUND]: "PEERDIST_ERROR_NOT_FOUND",
  [PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED]: "PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED",
  [PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO]: "PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO",
  [PEERDIST_ERROR_MISSING_DATA]: "PEERDIST_ERROR_MISSING_DATA",
  [PEERDIST_ERROR_NO_MORE]: "PEERDIST_ERROR_NO_MORE",
  [PEERDIST_ERROR_NOT_INITIALIZED]: "PEERDIST_ERROR_NOT_INITIALIZED",
  [PEERDIST_ERROR_ALREADY_INITIALIZED]: "PEERDIST_ERROR_ALREADY_INITIALIZED",
  [PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS]: "PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS",
  [PEERDIST_ERROR_INVALIDATED]: "PEERDIST_ERROR_INVALIDATED",
  [PEERDIST_ERROR_ALREADY_EXISTS]: "PEERDIST_ERROR_ALREADY_EXISTS",
  [PEERDIST_ERROR_OPERATION_NOTFOUND]: "PEERDIST_ERROR_OPERATION_NOTFOUND",
  [PEERDIST_ERROR_ALREADY_COMPLETED]: "PEERDIST_ERROR_ALREADY_COMPLETED",
  [PEERDIST_ERROR_OUT_OF_BOUNDS]: "PEERDIST_ERROR_OUT_OF_BOUNDS",
  [PEERDIST_ERROR_VERSION_UNSUPPORTED]: "PEERDIST_ERROR_VERSION_UNSUPPORTED",
  [PEERDIST_ERROR_INVALID_CONFIGURATION]: "PEERDIST_ERROR_INVALID_CONFIGURATION",
  [PEERDIST_ERROR_NOT_LICENSED]: "PEERDIST_ERROR_NOT_LICENSED",
  [PEERDIST_ERROR_SERVICE_UNAVAILABLE]: "PEERDIST_ERROR_SERVICE_UNAVAILABLE",
  [PEERDIST_ERROR_TRUST_FAILURE]: "PEERDIST_ERROR_TRUST_FAILURE",
};

/** The symbolic name; `ERROR_<number>` for a number that is none of ours. */
export function errorSymbol(error: number): string {
  return SYMBOLS[error] ?? `ERROR_${error}`;
}

/** What the promise form throws. `code` is always `BC_PEERDIST`; match on `error` or `symbol`. */
export class PeerDistError extends BranchCacheError {
  /** The number, as the call returned it or the operation completed with it. */
  readonly error: number;
  /** Its name, such as `PEERDIST_ERROR_NOT_FOUND`. */
  readonly symbol: string;

  constructor(error: number, what: string) {
    super("BC_PEERDIST", `${what}: ${errorSymbol(error)} (${error})`);
    this.error = error;
    this.symbol = errorSymbol(error);
  }
}
