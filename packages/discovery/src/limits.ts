/** Timers and bounds, with where they come from. */

/** [MS-PCCRD] 3.1.2 and note <7>: 200 to 500 ms, Windows 300. */
export const DEFAULT_WAIT_MS = 300;
/** APP_MAX_DELAY of this profile. [MS-PCCRD] 3.2.2, note <7>. */
export const DEFAULT_BACKOFF_MS = 65;
/** [MS-PCCRD] 3.2.2. */
export const LEAST_BACKOFF_MS = 1;
/** Fmax of the framework. [MS-CCRSO] 5.1.2.2 */
export const DEFAULT_MAX_PER_SECOND = 100;
/** How long it is remembered that nobody has a segment. [MS-CCROD] 2.8.2.3.2 */
export const DEFAULT_NEGATIVE_TTL_MS = 15_000;
/** [MS-PCCRD] note <8>: answers enough for a segment to count as well spread. */
export const DEFAULT_REPUBLISH_QUORUM = 10;
/** The same note: chance to answer all the same while too few of them were complete. */
export const PARTIAL_QUORUM_CHANCE = 0.33;
/** Our own: the note has no end, and a segment that other peers have dropped would never be answered for again. */
export const REPUBLISH_MEMORY_MS = 3_600_000;
/** A client whose answer was lost repeats its probe after a second. Earlier copies are repeats of SOAP over UDP. */
export const REANSWER_AFTER_MS = 750;

/** What fits into one datagram without fragments: Ethernet less IPv4 and UDP headers. */
export const IPV4_PAYLOAD_BYTES = 1_472;
/** IPv6 minimum MTU less IPv6 and UDP headers. */
export const IPV6_PAYLOAD_BYTES = 1_232;
/** SegmentHashCount is one byte. [MS-PCCRD] 2.2.3.3; held for version 1.0 too. */
export const MAX_IDS_IN_PROBE = 255;
/** Addresses of one peer that are kept. */
export const MAX_ADDRESSES = 16;
/** Peers of one probe that are taken; a client has no use for more. */
export const MAX_PEERS_IN_PROBE = 256;
/** Segments whose absence, or whose spread, is remembered. */
export const MAX_REMEMBERED_SEGMENTS = 32_768;
/** Closed probes whose late answers are still recognised. */
export const MAX_REMEMBERED_PROBES = 1_024;
/** Segments whose holders are remembered. [MS-CCRSO] note 8: 16 to 16,384, Windows 256. */
export const MAX_SERVER_LISTS = 4_096;
/** Holders that are remembered of one segment. [MS-CCRSO] note 9. */
export const MAX_PEERS_IN_LIST = 16;
/** Blocks of a full segment of version 1.0: 32 MB in blocks of 64 KB. [MS-PCCRC] 2.1 */
export const BLOCKS_OF_FULL_SEGMENT = 512;
/** Answers a second to one source. A client starts at most 100 discoveries in that time. */
export const ANSWERS_PER_SECOND = 100;
