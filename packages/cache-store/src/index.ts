/** The cache: one interface, and the store in memory. The store on disk is `./lmdb`. */
export type {
  BlockStore,
  HeldSegment,
  NewSegment,
  PublicationEntry,
  PublicationStore,
  PutResult,
  SecretStore,
  SegmentRecord,
  StoredBlock,
  Stores,
  StoreUsage,
  Trust,
} from "./block-store.ts";
export { StoreError, type StoreErrorCode } from "./errors.ts";
export { createMemoryStore, type MemoryStoreOptions } from "./store/memory-store.ts";
