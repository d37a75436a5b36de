/** [MS-PCCRC] Content Information 1.0 and 2.0. No `node:` modules here: those stand behind `./node`. */
export { type HashBytes, hashLengthBytes } from "./algorithms.ts";
export { V1_BLOCK_BYTES, V1_SEGMENT_BYTES, V2_MAX_SEGMENT_BYTES } from "./constants.ts";
export { deriveSegmentId, deriveSegmentSecret } from "./derive.ts";
export { ContentError, type ContentErrorCode, SecretError, type SecretErrorCode } from "./errors.ts";
export { type HashEngine, nobleHashEngine, type RunningHash } from "./hash-engine.ts";
export { type Publication, type PublicationColumns, publicationFromColumns } from "./publication.ts";
export { decodePublication, encodePublication } from "./publication-encoding.ts";
export {
  type AnyVersions,
  createPublisher,
  type Publications,
  type PublicationsOf,
  type Publisher,
  type PublisherOptions,
  publishBytes,
} from "./publisher.ts";
export {
  type ContentInformationReader,
  createContentInformationReader,
  type ReadOptions,
  readContentInformation,
} from "./read/reader.ts";
export type { ContentInformationSummary } from "./read/record.ts";
export {
  type BlockRun,
  blockCount,
  blockLengthBytes,
  blocksInRange,
  segmentAt,
  segmentsInRange,
  verifyBlock,
  verifyBlockList,
} from "./segment.ts";
export { isWhollyListed, readSegmentInformation, writeSegmentInformation } from "./segment-information.ts";
export { ServerSecret } from "./server-secret.ts";
export type * from "./types.ts";
export { SegmentCutter } from "./v2-cutter.ts";
export {
  contentInformationLength,
  contentInformationParts,
  segmentsOf,
  type WriteOptions,
  writeContentInformation,
} from "./write.ts";
