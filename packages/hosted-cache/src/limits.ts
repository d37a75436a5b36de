/** Figures of [MS-PCHC] that both sides obey. */

/** Version 1.0, over HTTPS. Sent with the slash; compared without it and without regard to letter case. 2.1 */
export const OFFER_PATH_V1 = "/C574AC30-5794-4AEE-B1BB-6651C5315029/";
/** Version 2.0, over HTTP. 2.1 */
export const OFFER_PATH_V2 = "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/";
/** TCP port of a hosted cache for offers of version 1.0, over HTTPS. 2.1 */
export const DEFAULT_PORT_V1 = 443;
/** TCP port of a hosted cache for offers of version 2.0, over HTTP. 2.1 */
export const DEFAULT_PORT_V2 = 80;

/** MESSAGE_HEADER and CONNECTION_INFORMATION, with which every request begins. 2.2.1.1, 2.2.1.2 */
export const REQUEST_HEADER_BYTES = 16;
/** Length of ContentTag, which names the application that a segment came through. 2.2.1.4, 2.2.1.5 */
export const CONTENT_TAG_BYTES = 16;
/** Descriptors in one BATCHED_OFFER_MESSAGE. 2.2.1.5 */
export const MAX_DESCRIPTORS = 128;
/** Length of a SEGMENT_DESCRIPTOR, with its tag and its identifier of 32 bytes. 2.2.1.5 */
export const DESCRIPTOR_BYTES = 59;
/** The longest BATCHED_OFFER_MESSAGE. */
export const MAX_REQUEST_BYTES_V2: number = REQUEST_HEADER_BYTES + MAX_DESCRIPTORS * DESCRIPTOR_BYTES;
/** Room for a SEGMENT_INFO_MESSAGE of 512 hashes of 64 bytes; Windows' own have 16,518 bytes. */
export const MAX_REQUEST_BYTES_V1 = 65_536;
/** The whole body of a response. 2.2.2 */
export const RESPONSE_BYTES = 5;

/** Milliseconds between two ticks of the client's request timer. 3.2.2 */
export const TICK_MS = 5_000;
/** Ticks that a request outlives: one without an answer fails 10 to 15 s after it was sent. 3.2.2 */
export const TICKS_TO_LIVE = 2;
/** Shares of a segment's blocks at which it is offered, in percent. [MS-CCRSO] note 15 */
export const OFFER_STEPS: readonly number[] = [20, 40, 60, 80, 100];
