/** Figures of [MS-PCCRR] that both sides obey. */

/** Sent as printed, without braces; compared without regard to letter case. 2.1.1 */
export const RETRIEVAL_PATH = "/116B50EB-ECE2-41ac-8429-9F9E963361B7/";

/** 2.2.3 */
export const HEADER_BYTES = 16;
/** Header and body of a request. 2.2.3 */
export const MAX_REQUEST_BYTES = 98_304;
/** Header and body of a response, without the Size in front. 2.2.3; the 96 KB of 2.2.2 cannot hold a V2 segment. */
export const MAX_RESPONSE_BYTES = 393_216;
/** TRANSPORT_RESPONSE_HEADER. 2.2.2 */
export const SIZE_PREFIX_BYTES = 4;

/** 2.2.4.2, 2.2.4.3 */
export const MAX_RANGES = 256;
/** 2.2.1.1 */
export const BLOCKS_PER_SEGMENT = 512;
/** As many IDs of 32 bytes as fit into a request without a blob. 2.2.4.4 */
export const MAX_SEGMENT_IDS = 2729;

/** 3.1.2 */
export const REQUEST_TIMEOUT_MS = 2_000;
/** 3.2.2 */
export const UPLOAD_TIMEOUT_MS = 15_000;
/** Uploads at once that a peer serves. 3.2.1 */
export const MAX_PEER_UPLOADS = 64;
/** The same for a hosted cache. 3.2.1 */
export const MAX_HOSTED_UPLOADS = 1_024;
