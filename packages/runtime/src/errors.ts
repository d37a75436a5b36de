/**
 * The error base of every package here. Callers and tests match on `code`, never on `instanceof`:
 * two copies of a package may be loaded at once.
 */

/** What a `BranchCacheError` may be given besides code and message. */
export interface BranchCacheErrorOptions {
  /** The error that led to this one, as in `Error`. Default: none. */
  readonly cause?: unknown;
}

/** A failure the caller could not plan for. `code` is stable and starts with `BC_`. */
export class BranchCacheError extends Error {
  /** Stable, `BC_` first: what callers and tests compare. */
  readonly code: string;

  constructor(code: string, message: string, options: BranchCacheErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** What is wrong with the bytes. */
export type DecodeErrorCode =
  /** The bytes end before the structure does. */
  | "BC_DECODE_TRUNCATED"
  /** Bytes are left over after the structure. */
  | "BC_DECODE_TRAILING"
  /** A count or length is over its limit. */
  | "BC_DECODE_LIMIT"
  /** A field holds a value that the document forbids. */
  | "BC_DECODE_VALUE"
  /** Fields contradict each other. */
  | "BC_DECODE_INCONSISTENT";

export interface DecodeErrorDetails extends BranchCacheErrorOptions {
  /** The structure's name in its document, for instance `SegmentDescription`. */
  readonly structure: string;
  /** The field, dotted and indexed from the outermost structure: `segments[3].secret`. Empty for the whole. */
  readonly path: string;
  /** Where in the input the fault lies, from its first byte. */
  readonly offsetBytes: number;
}

/** Bytes that are not what they should be: what, in which structure and field, and where. */
export class DecodeError extends BranchCacheError {
  declare readonly code: DecodeErrorCode;
  /** The structure that was being read, such as `SegmentDescription`. */
  readonly structure: string;
  /** The field in it, such as `secret`; empty for the structure itself. */
  readonly path: string;
  /** Where, from the start of the bytes. */
  readonly offsetBytes: number;
  /** The fault without the place, so that an outer structure can name the place anew. */
  readonly reason: string;

  constructor(code: DecodeErrorCode, reason: string, details: DecodeErrorDetails) {
    const field = details.path === "" ? details.structure : `${details.structure}.${details.path}`;
    super(code, `${field} at byte ${details.offsetBytes}: ${reason}`, details);
    this.reason = reason;
    this.structure = details.structure;
    this.path = details.path;
    this.offsetBytes = details.offsetBytes;
  }
}

/** A value that cannot be written: the mistake is the caller's. `code` is `BC_ENCODE_VALUE`. */
export class EncodeError extends BranchCacheError {
  /** The structure that was to be written. */
  readonly structure: string;
  /** The field in it; empty for the structure itself. */
  readonly path: string;

  constructor(structure: string, path: string, reason: string) {
    super("BC_ENCODE_VALUE", `${path === "" ? structure : `${structure}.${path}`}: ${reason}`);
    this.structure = structure;
    this.path = path;
  }
}

/** The `code` of anything thrown, ours or Node's; undefined where there is none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What to show a person of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
