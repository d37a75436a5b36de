import type { SegmentId } from "@branchcache/content-info";
import { type Layout, refine, sizedBytes, u32be } from "@branchcache/runtime";

/** SizeOfSegmentID, SegmentID and ZeroPad as they are read: any length, since a parser need not care. */
export const anySegmentId: Layout<SegmentId> = sizedBytes(u32be, { max: 256, padTo: 4 });

/** The lengths that may be sent. [MS-PCCRR] 2.2.4.2 */
export const segmentId: Layout<SegmentId> = refine(anySegmentId, ({ length }) =>
  length === 32 || length === 48 || length === 64 ? undefined : `${length} bytes make no segment ID`,
);
