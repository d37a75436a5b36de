/** Which segments of a publication a range of its content touches. */
import { ContentError } from "./errors.ts";
import type { Publication } from "./publication.ts";
import type { ContentRange } from "./types.ts";

/** A range, and the segments it touches. */
export interface RangePlan {
  readonly range: ContentRange;
  /** The range is all of the content. */
  readonly whole: boolean;
  /** Index of the first segment. */
  readonly first: number;
  /** Index of the last segment, included. */
  readonly last: number;
}

/** Throws `BC_CONTENT_EMPTY`, or `BC_CONTENT_RANGE` for a range that is empty or leaves the content. */
export function planRange(publication: Publication, range?: ContentRange): RangePlan {
  const { lengthBytes } = publication;
  if (lengthBytes === 0)
    throw new ContentError("BC_CONTENT_EMPTY", "content of no bytes has no Content Information");
  const { startBytes, endBytes } = range ?? { startBytes: 0, endBytes: lengthBytes };
  const inOrder = Number.isSafeInteger(startBytes) && Number.isSafeInteger(endBytes) && startBytes < endBytes;
  if (!inOrder || startBytes < 0 || endBytes > lengthBytes) {
    throw new ContentError(
      "BC_CONTENT_RANGE",
      `bytes ${startBytes} to ${endBytes} of a content of ${lengthBytes} bytes`,
    );
  }
  return {
    range: { startBytes, endBytes },
    whole: startBytes === 0 && endBytes === lengthBytes,
    first: publication.segmentAt(startBytes),
    last: publication.segmentAt(endBytes - 1),
  };
}
