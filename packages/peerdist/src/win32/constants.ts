/** Names and values of peerdist.h. */

/** Low-order byte: major version 2; the byte above it: minor version 0. */
export const PEERDIST_VERSION = 0x0002;
/** What Windows 7 programs ask for. */
export const PEERDIST_VERSION_1 = 0x0001;

/**
 * `dwVersion` of PEERDIST_PUBLICATION_OPTIONS: the caller was written for version 1.0 of the API (Windows 7).
 */
export const PEERDIST_PUBLICATION_OPTIONS_VERSION_1 = 1;
/**
 * `dwVersion` of PEERDIST_PUBLICATION_OPTIONS: the caller was written for version 2.0 of the API (Windows 8).
 */
export const PEERDIST_PUBLICATION_OPTIONS_VERSION_2 = 2;
/** The newest `dwVersion` of PEERDIST_PUBLICATION_OPTIONS. */
export const PEERDIST_PUBLICATION_OPTIONS_VERSION = 2;

/** Content Information version 1, as of Windows 7: a bound in PEERDIST_RETRIEVAL_OPTIONS. */
export const PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1 = 1;
/** Content Information version 2, as of Windows 8: a bound in PEERDIST_RETRIEVAL_OPTIONS. */
export const PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_2 = 2;
/** The newest version of Content Information. */
export const PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION = 2;

/** No peer or hosted cache is asked for this read. */
export const PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY = 0;
/** 5 seconds. */
export const PEERDIST_READ_TIMEOUT_DEFAULT = 0xffff_fffe;
/** What PEERDIST_READ_TIMEOUT_DEFAULT stands for, in milliseconds. */
export const DEFAULT_READ_TIMEOUT_MS = 5_000;

/**
 * DISABLED: switched off by policy or configuration. UNAVAILABLE: not ready for requests. AVAILABLE: ready.
 */
export const PEERDIST_STATUS = { DISABLED: 0, UNAVAILABLE: 1, AVAILABLE: 2 } as const;
/** One of the three states of the service, as its number. */
export type PEERDIST_STATUS = (typeof PEERDIST_STATUS)[keyof typeof PEERDIST_STATUS];

/** The class that `PeerDistClientGetInformationByHandle` knows. */
export const PeerDistClientBasicInfo = 0;
/** One past the last class, for range checks; not a class itself. */
export const MaximumPeerDistClientInfoByHandlesClass = 1;

/** Length of `Data` of PEERDIST_CONTENT_TAG. */
export const CONTENT_TAG_BYTES = 16;
/** A content identifier has 1 to this many bytes; any other is refused with ERROR_INVALID_PARAMETER. */
export const CONTENT_IDENTIFIER_MAX_BYTES = 65_535;

/** `cbSize` of PEERDIST_STATUS_INFO, in bytes. */
export const PEERDIST_STATUS_INFO_SIZE = 16;
/** `cbSize` of PEERDIST_RETRIEVAL_OPTIONS, in bytes. */
export const PEERDIST_RETRIEVAL_OPTIONS_SIZE = 16;
/** Bytes of PEERDIST_CLIENT_BASIC_INFO: the least that `PeerDistClientGetInformationByHandle` needs. */
export const PEERDIST_CLIENT_BASIC_INFO_SIZE = 4;
