import { BranchCacheError, type BranchCacheErrorOptions } from "@branchcache/runtime";

/** Codes of `OriginError`. */
export type OriginErrorCode =
  /** No connection, or no answer in time. */
  | "BC_ORIGIN_UNREACHABLE"
  /** The connection ended, or nothing more came in time, before the answer was complete; or the client was closed. */
  | "BC_ORIGIN_CLOSED"
  /** An answer with a status other than 200 and 206; `peerStatus` has it. */
  | "BC_ORIGIN_STATUS"
  /** Too many redirects, or one that leads nowhere. */
  | "BC_ORIGIN_REDIRECT"
  /** An answer that breaks HTTP or [MS-PCCRTP]: a coding nobody asked for, ranges or lengths that contradict. */
  | "BC_ORIGIN_ANSWER"
  /** The caller's URL is none, or neither http nor https. */
  | "BC_ORIGIN_URL";

/** `cause`, as for every error, and what the server said. */
export interface OriginErrorOptions extends BranchCacheErrorOptions {
  /** The answer's HTTP status. */
  readonly peerStatus?: number;
}

/** The content server failed; the message names its URL without query and user information. */
export class OriginError extends BranchCacheError {
  declare readonly code: OriginErrorCode;
  /** The HTTP status it sent, where there was one. */
  readonly peerStatus: number | undefined;

  constructor(code: OriginErrorCode, message: string, options: OriginErrorOptions = {}) {
    super(code, message, options);
    this.peerStatus = options.peerStatus;
  }
}
