import { bytes, type Decoded, struct } from "@branchcache/runtime";
import { CONTENT_TAG_BYTES } from "../limits.ts";
import { requestHeader } from "./header.ts";
import { restBytes } from "./rest.ts";

/**
 * Everything that the hosted cache needs to pull and verify one segment. Version 1.0. [MS-PCHC] 2.2.1.4
 * `information` is Content Information 1.0, see `writeSegmentInformation` of `@branchcache/content-info`.
 */
export const segmentInfo = struct("SEGMENT_INFO_MESSAGE", {
  header: requestHeader,
  contentTag: bytes(CONTENT_TAG_BYTES),
  information: restBytes(() => undefined), // SegmentInformation
});
/** A decoded SEGMENT_INFO_MESSAGE. Holds the segment's secret: never log it. [MS-PCHC] 2.2.1.4 */
export type SegmentInfo = Decoded<typeof segmentInfo>;
