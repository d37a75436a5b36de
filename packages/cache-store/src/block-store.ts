/**
 * What a cache of sealed blocks can do, whatever holds it. Blocks lie as they leave: ciphertext and
 * initialization vector; the keys lie elsewhere (`SecretStore`).
 */
import type {
  CipherId,
  HashAlgorithm,
  HashOfData,
  SealedBlock,
  SegmentId,
  SegmentSecret,
} from "@branchcache/content-info";

/**
 * `verified`: its hash was checked against Content Information whose block list matches its hash of data.
 * `blind`: kept unread, so whoever reads it must verify it.
 */
export type Trust = "verified" | "blind";

/** What a writer knows of a segment. */
export interface NewSegment {
  readonly id: SegmentId;
  /** Of the first block stored; each block names its own. */
  readonly cipher: CipherId;
  /** All of the segment in the clear. */
  readonly lengthBytes: number;
  /** 65,536 in version 1.0, the segment's length in version 2.0. */
  readonly blockSizeBytes: number;
  /** For flushing and listing by; tags of later writers are added. */
  readonly tags: readonly string[];
  /** Of the blocks that come with it. */
  readonly trust: Trust;
  /** HoD, where it is known: with `blockHashes` and `algorithm` it lets blocks be verified again. */
  readonly hashOfData?: HashOfData;
  /** The hashes of all blocks, concatenated. */
  readonly blockHashes?: Uint8Array;
  /** Of `blockHashes` and `hashOfData`. */
  readonly algorithm?: HashAlgorithm;
  /** Under what the secret is kept, where that is not the segment's identifier. */
  readonly secretRef?: string;
}

/** `trust` is `verified` once a verified block was stored; each block has a trust of its own as well. */
export interface SegmentRecord extends NewSegment {
  /** When its first block was stored: wall time, milliseconds since 1970. */
  readonly createdMs: number;
  /** A segment with pins is never evicted. */
  readonly pins: number;
}

/** The answer to "do we hold it?". A segment past its age limit is not held. */
export interface HeldSegment {
  /** More than 0. */
  readonly heldBlocks: number;
  /** Those of `heldBlocks` that may be served to anybody. */
  readonly verifiedBlocks: number;
  /** Blocks of the whole segment, held or not. */
  readonly totalBlocks: number;
  /** When its first block was stored: wall time, milliseconds since 1970. */
  readonly createdMs: number;
}

export interface StoredBlock extends SealedBlock {
  readonly trust: Trust;
  /** The next block held after this one and no less trusted; 0 when there is none. [MS-PCCRR] 2.2.5.3 */
  readonly nextBlockIndex: number;
}

/** How a block is read. */
export interface ReadOptions {
  /** Whether the read is counted as a hit and puts off the segment's eviction. Default true. */
  readonly counts?: boolean;
  /**
   * Whether the checksum is compared, which costs as much as reading. Default true. False is for callers who verify the
   * bytes by their hash, and read once more with it where that fails, so that damage is noticed and the block dropped.
   */
  readonly checked?: boolean;
}

/** `already-held`: nothing was written. `full`: nothing could be evicted to make room, or the store is being copied; nothing changed. */
export type PutResult = "stored" | "already-held" | "full";

/**
 * Why something went. `size`: room was needed. `age`: older than the limit. `flush`: by tag, or all.
 * `corrupt`: damaged where it lay, or failed its hash. `removed`: asked for by name.
 */
export type RemovalReason = "size" | "age" | "flush" | "corrupt" | "removed";

/** One line of a listing. */
export interface SegmentSummary {
  readonly id: SegmentId;
  readonly tags: readonly string[];
  /** When its first block was stored: wall time, milliseconds since 1970. */
  readonly createdMs: number;
  /** Last put or read; reads are written in batches, so that a crash forgets the newest. */
  readonly usedMs: number;
  /** Blocks read from it. */
  readonly hits: number;
  /** All of the segment in the clear. */
  readonly lengthBytes: number;
  /** Initialization vectors and ciphertext held. */
  readonly bytes: number;
  readonly heldBlocks: number;
  /** Those of `heldBlocks` that may be served to anybody. */
  readonly verifiedBlocks: number;
  /** Blocks of the whole segment, held or not. */
  readonly totalBlocks: number;
  readonly trust: Trust;
  /** With any it is never evicted. */
  readonly pins: number;
}

/** How much a block store may hold, and for how long. */
export interface Limits {
  /** Of initialization vectors and ciphertext together. */
  readonly limitBytes: number;
  /** Since creation; undefined for no limit. */
  readonly maxAgeMs: number | undefined;
}

/** Which segments `removeAll` takes; all three together. */
export interface RemoveAllOptions {
  /** Those with this tag. Default: whatever their tags. */
  readonly tag?: string;
  /** With `tag`: those that have other tags as well. Default true; else they stay, and lose this one. */
  readonly shared?: boolean;
  /** Pinned ones too. Default false. */
  readonly pinned?: boolean;
}

/** Counted since the store was made, over restarts. */
export interface StoreStatistics {
  /** Blocks read. */
  readonly hits: number;
  /** Whole segments and bytes; a damaged block that leaves others behind counts its bytes only. */
  readonly gone: Readonly<Record<RemovalReason, { readonly segments: number; readonly bytes: number }>>;
  /** The newest that went, at most 64, newest first. */
  readonly latest: readonly RemovalNote[];
  /** Of segments with pins. Absent where the store keeps no such sum. */
  readonly pinnedBytes?: number;
  /** Creation of the oldest segment without pins. Absent where there is none, or the store keeps no such order. */
  readonly oldestMs?: number;
}

/** One segment, or one block of it, that went. */
export interface RemovalNote {
  readonly id: SegmentId;
  readonly reason: RemovalReason;
  /** Initialization vectors and ciphertext that went with it. */
  readonly bytes: number;
  /** Wall time, milliseconds since 1970. */
  readonly atMs: number;
}

/** What happened to a segment; `changed` for a block, tag or pin more or less. */
export type StoreChange =
  | { readonly kind: "added" | "changed"; readonly id: SegmentId }
  | { readonly kind: "removed"; readonly id: SegmentId; readonly reason: RemovalReason };

/** What a block store holds now, and what it may hold. */
export interface StoreUsage {
  /** Initialization vectors and ciphertext of all blocks held. */
  readonly bytes: number;
  /** What `bytes` is kept below. */
  readonly limitBytes: number;
  readonly segments: {
    /** All blocks held and verified. */
    readonly complete: number;
    readonly partial: number;
  };
}

/**
 * After `close` every method rejects with `BC_STORE_CLOSED`. A call about a segment sees every put, removal
 * and pin of that segment asked for before it on the same store. Answers are good for the moment: another
 * call or process may evict.
 */
export interface BlockStore {
  /** Index-aligned with `ids`; undefined where no block is held. */
  holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]>;
  /** A copy. */
  segment(id: SegmentId): Promise<SegmentRecord | undefined>;
  /** Identifiers of all segments held, in no order; a copy each. What comes and goes meanwhile may be missed. */
  ids(): AsyncIterable<SegmentId>;
  /** Ascending indexes, of verified blocks only if so asked; undefined where no block at all is held. */
  heldBlocks(id: SegmentId, trust?: "verified"): Promise<readonly number[] | undefined>;
  /**
   * Stores one block; the first one makes the record. The bytes are copied before this returns.
   * Resolves when the store is ready for more; `flush` says when it is on disk.
   *
   * Trust: a verified block replaces a blind one, never the other way round. A blind writer adds nothing
   * to a verified record. A blind record becomes verified with its first verified block: it takes that writer's
   * hashes for its own, while its blind blocks stay blind. Else facts are added where they lack, never overwritten.
   *
   * Throws `BC_STORE_MISMATCH` when sizes, hashes or algorithm contradict the record or when a blind block is
   * for a verified record, and `BC_STORE_INVALID` for what no segment can be; nothing is changed. A verified
   * writer whose sizes contradict a blind record may remove the segment and put again.
   */
  putBlock(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult>;
  /** A copy, owned by the caller. Undefined for a block not held, or damaged where it lay (then it is dropped). */
  getBlock(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined>;
  /**
   * As `getBlock` without the copy: the arrays are valid only until `use` returns, and must not be changed.
   * For work that is done at once: decrypting, hashing, copying into a buffer that is there already.
   */
  withBlock<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    options?: ReadOptions,
  ): Promise<T | undefined>;
  /** All segments held, in no order. What comes and goes meanwhile may be missed. */
  list(): AsyncIterable<SegmentSummary>;
  /** Drops a block that turned out wrong, and counts it as `corrupt`. False if it was not there. */
  dropBlock(id: SegmentId, index: number): Promise<boolean>;
  /**
   * Removes all segments with this tag, or all there are; pinned ones and shared ones as asked.
   * Not one transaction: what is put meanwhile may stay. Gives the number removed.
   */
  removeAll(which?: RemoveAllOptions): Promise<number>;
  /** Removes all that is past its age at once; else that happens by and by, with what is written. Gives the number removed. */
  expire(): Promise<number>;
  /** The limits that hold now. */
  limits(): Promise<Limits>;
  /** Kept by stores that last; a smaller limit takes effect before this resolves. */
  setLimits(limits: Partial<Limits>): Promise<void>;
  /** Counts since the store was made. */
  statistics(): Promise<StoreStatistics>;
  /**
   * Tells what is changed through this store, once it is done; other processes' changes are not told, except
   * for what this one removes. `listener` must not throw. Returns a function that ends it.
   */
  watch(listener: (change: StoreChange) => void): () => void;
  /** Pins or not. False if it was not there. */
  removeSegment(id: SegmentId): Promise<boolean>;
  /** One pin more. False if it is not there. */
  pin(id: SegmentId): Promise<boolean>;
  /** One pin less, down to none. False if it is not there. */
  unpin(id: SegmentId): Promise<boolean>;
  /** Sums over all segments. Where these have to be walked through, as in a cluster, the answer may be a little old. */
  usage(): Promise<StoreUsage>;
  /**
   * Resolves when all that was put before is durable. Where a block could not be written though its put said `stored`,
   * throws the reason, once; but a block that found no room counts as evicted, and nothing is thrown.
   */
  flush(): Promise<void>;
  /** Writes what is queued. Twice is harmless. */
  close(): Promise<void>;
}

/** Segment secrets, apart from the blocks that they open. A removed segment takes its secret along. */
export interface SecretStore {
  /** A copy. */
  get(id: SegmentId): Promise<SegmentSecret | undefined>;
  /** Keeps a copy, in place of what was there. */
  put(id: SegmentId, secret: SegmentSecret): Promise<void>;
  /** Forgets the secret; harmless where there is none. */
  delete(id: SegmentId): Promise<void>;
  /** Twice is harmless. */
  close(): Promise<void>;
}

/** The hashes of one content, good as long as its validator is the same. */
export interface PublicationEntry {
  /** Such as a file's `stat` or an ETag: compared as text. */
  readonly validator: string;
  /** Of the content. */
  readonly sizeBytes: number;
  /** Encoded publications, opaque here. */
  readonly publications: readonly Uint8Array[];
  /** When the hashes were made: wall time, milliseconds since 1970. */
  readonly createdMs: number;
}

/** The hash cache; where it has a limit, the least recently used go. Keys are paths or URLs of any length. */
export interface PublicationStore {
  /** A copy. */
  get(key: string): Promise<PublicationEntry | undefined>;
  /** Keeps a copy, in place of what was there. */
  put(key: string, entry: PublicationEntry): Promise<void>;
  /** Forgets the entry; harmless where there is none. */
  delete(key: string): Promise<void>;
  /** In no order; what comes and goes meanwhile may be missed. */
  keys(): AsyncIterable<string>;
  /** What all entries take together. */
  usage(): Promise<PublicationUsage>;
}

/** What a publication store holds now, and what it may hold. */
export interface PublicationUsage {
  /** Encoded entries, all together. */
  readonly bytes: number;
  /** Undefined for no limit. */
  readonly limitBytes: number | undefined;
  readonly entries: number;
}

/** All three, opened and closed together. */
export interface Stores extends AsyncDisposable {
  /** Segments and their encrypted blocks. */
  readonly blocks: BlockStore;
  /** Segment secrets, apart from what they decrypt. */
  readonly secrets: SecretStore;
  /** Hashes of published contents. */
  readonly publications: PublicationStore;
  /** Writes what is queued and closes all three. Twice is harmless; `await using` does the same. */
  close(): Promise<void>;
}
