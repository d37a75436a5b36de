import type { SegmentId } from "@branchcache/content-info";
import { type Decoded, type Layout, struct } from "@branchcache/runtime";
import { requestHeader } from "./header.ts";
import { restBytes } from "./rest.ts";

/** HoHoDk of SHA-256, SHA-384 or SHA-512: only its length tells which. */
const segmentId: Layout<SegmentId> = restBytes((length) =>
  length === 32 || length === 48 || length === 64 ? undefined : `${length} bytes make no segment ID`,
);

/** "I have this segment." Version 1.0. [MS-PCHC] 2.2.1.3 */
export const initialOffer = struct("INITIAL_OFFER_MESSAGE", {
  header: requestHeader,
  segmentId, // Hash
});
/** A decoded INITIAL_OFFER_MESSAGE: header, and an identifier of 32, 48 or 64 bytes. [MS-PCHC] 2.2.1.3 */
export type InitialOffer = Decoded<typeof initialOffer>;
