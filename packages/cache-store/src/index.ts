/** The cache: one interface, and the store in memory. The stores on disk and on a cluster are `./lmdb` and `./redis`. */
export { type BlockCheckOptions, makeBlockCheck } from "./block-check.ts";
export type {
  BlockStore,
  HeldSegment,
  Limits,
  NewSegment,
  PublicationEntry,
  PublicationStore,
  PublicationUsage,
  PutResult,
  ReadOptions,
  RemovalNote,
  RemovalReason,
  RemoveAllOptions,
  SecretStore,
  SegmentRecord,
  SegmentSummary,
  StoreChange,
  StoredBlock,
  StoreStatistics,
  Stores,
  StoreUsage,
  Trust,
} from "./block-store.ts";
export { StoreError, type StoreErrorCode } from "./errors.ts";
export { createMemoryStore, type MemoryStoreOptions } from "./memory.ts";
export { SpannedBlockStore } from "./store/spanned-store.ts";
export { type BlockCheck, type VerifyOptions, type VerifyReport, verifyStore } from "./verify.ts";
