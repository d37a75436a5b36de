/** Assigned numbers and bounds. "WSD05" is Web Services Dynamic Discovery, April 2005. */

/** UDP port that probes and announcements go to. WSD05 2.4. */
export const DISCOVERY_PORT = 3702;
/** Multicast group of IPv4. WSD05 2.4. */
export const IPV4_GROUP = "239.255.255.250";
/** Multicast group of IPv6, of link-local scope. WSD05 2.4. */
export const IPV6_GROUP = "ff02::c";
/** The longest random delay before a Hello or an answer, in milliseconds. WSD05 2.4; a profile may set another. */
export const APP_MAX_DELAY_MS = 500;

/** The envelope limit of DPWS, which Windows applies too; larger datagrams are not parsed. */
export const MAX_MESSAGE_BYTES = 32_767;
/** A discovery message needs about eight levels. */
export const MAX_XML_DEPTH = 32;
export const MAX_XML_ELEMENTS = 1_024;
export const MAX_XML_ATTRIBUTES = 64;
/** Items of one whitespace-separated list: types, scopes, addresses. */
export const MAX_LIST_ITEMS = 1_024;
/** Characters of an identifier or address that is remembered. */
export const MAX_URI_LENGTH = 1_024;
/** ProbeMatch elements in one message. */
export const MAX_MATCHES = 64;

/** A repeat follows the first send by up to 1,750 ms in SOAP-over-UDP 2004; some clients repeat later. */
export const DUPLICATE_WINDOW_MS = 10_000;
export const MAX_REMEMBERED_MESSAGES = 8_192;
/** Answers that may wait for their delay at a time: enough for 50 clients that start together and ask 100 times each. */
export const MAX_PENDING_ANSWERS = 8_192;
/** Matches that a caller has not yet taken; beyond it the newest are dropped. */
export const MAX_QUEUED_ITEMS = 4_096;
/** Services that a watcher remembers at a time. */
export const MAX_REMEMBERED_SERVICES = 1_024;
/** Sources whose rate, and endpoints whose order, is remembered. */
export const MAX_REMEMBERED_SOURCES = 4_096;
