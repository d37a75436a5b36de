/** Numbers of [MS-PCCRC] that more than one module needs. */

/** 32 MiB: every version 1.0 segment but the content's last. [MS-PCCRC] 2.1 */
export const V1_SEGMENT_BYTES = 33_554_432;
/** 64 KiB: every version 1.0 block but the content's last; cbBlockSize. [MS-PCCRC] 2.1 */
export const V1_BLOCK_BYTES = 65_536;
/** 128 KiB: no version 2.0 segment is longer. [MS-PCCRC] 2.4.1.2 */
export const V2_MAX_SEGMENT_BYTES = 131_072;
