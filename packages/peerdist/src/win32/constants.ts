/** Names and values of peerdist.h. */

/** Low-order byte: major version 2; the byte above it: minor version 0. */
export const PEERDIST_VERSION = 0x0002;
/** What Windows 7 programs ask for. */
export const PEERDIST_VERSION_1 = 0x0001;

export const PEERDIST_PUBLICATION_OPTIONS_VERSION_1 = 1;
export const PEERDIST_PUBLICATION_OPTIONS_VERSION_2 = 2;
export const PEERDIST_PUBLICATION_OPTIONS_VERSION = 2;

export const PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1 = 1;
export const PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_2 = 2;
export const PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION = 2;

/** No peer or hosted cache is asked for this read. */
export const PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY = 0;
/** 5 seconds. */
export const PEERDIST_READ_TIMEOUT_DEFAULT = 0xffff_fffe;
export const DEFAULT_READ_TIMEOUT_MS = 5_000;

export const PEERDIST_STATUS = { DISABLED: 0, UNAVAILABLE: 1, AVAILABLE: 2 } as const;
export type PEERDIST_STATUS = (typeof PEERDIST_STATUS)[keyof typeof PEERDIST_STATUS];

/** The class that `PeerDistClientGetInformationByHandle` knows. */
export const PeerDistClientBasicInfo = 0;
/** A bound for checking, never to be passed. */
export const MaximumPeerDistClientInfoByHandlesClass = 1;

export const CONTENT_TAG_BYTES = 16;
export const CONTENT_IDENTIFIER_MAX_BYTES = 65_535;

/** Sizes that callers put into `cbSize`. */
export const PEERDIST_STATUS_INFO_SIZE = 16;
export const PEERDIST_RETRIEVAL_OPTIONS_SIZE = 16;
export const PEERDIST_CLIENT_BASIC_INFO_SIZE = 4;
