import { DecodeError, type DecodeErrorCode, decode, type Layout } from "@branchcache/runtime";
import type { ContentInformation, Segment } from "../types.ts";

/** What a Content Information says besides its segments. */
export type ContentInformationSummary = Omit<ContentInformation, "segments">;

/**
 * Reads one version's body. Yields how many bytes it needs next and is sent exactly as many; fewer only where the
 * input ends. Segments go to the callback as they are complete.
 */
export type Parser = Generator<number, ContentInformationSummary, Uint8Array>;
export type OnSegment = (segment: Segment) => void;

const STRUCTURE = "ContentInformation";

/** A fault at `path` and `offsetBytes`, both counted from the start of the whole blob. */
export function fault(code: DecodeErrorCode, reason: string, path: string, offsetBytes: number): DecodeError {
  return new DecodeError(code, reason, { structure: STRUCTURE, path, offsetBytes });
}

/** Reads one record; a fault names field and offset within the whole blob. */
export function decodeRecord<T>(layout: Layout<T>, record: Uint8Array, path: string, offsetBytes: number): T {
  try {
    return decode(layout, record);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const inner = path === "" || error.path === "" ? path + error.path : `${path}.${error.path}`;
    throw fault(error.code, error.reason, inner, offsetBytes + error.offsetBytes);
  }
}
