import { BranchCacheError } from "@branchcache/runtime";

/** Codes of `ContentError`. */
export type ContentErrorCode =
  /** Content of no bytes has no Content Information: send it as it is. [MS-PCCRC] 2.3, 2.4.1.2 */
  | "BC_CONTENT_EMPTY"
  /** The range is empty or leaves the content. */
  | "BC_CONTENT_RANGE"
  /** The file changed while it was read, so the hashes describe no state of it. */
  | "BC_CONTENT_CHANGED"
  /** The file could not be read; `cause` says why. */
  | "BC_CONTENT_READ"
  /** A worker thread failed, or the pool was closed; `cause` says why. */
  | "BC_CONTENT_HASH";

/** Content that cannot be published, or not in the asked-for way. */
export class ContentError extends BranchCacheError {
  declare readonly code: ContentErrorCode;

  constructor(code: ContentErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options);
  }
}

/** Codes of `SecretError`. */
export type SecretErrorCode =
  /** A secret or passphrase of no bytes. */
  | "BC_SECRET_EMPTY"
  /** Not an export file, damaged, or another passphrase. */
  | "BC_SECRET_IMPORT";

/** A server secret that cannot be made or read. The message never holds any of it. */
export class SecretError extends BranchCacheError {
  declare readonly code: SecretErrorCode;

  constructor(code: SecretErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options);
  }
}
