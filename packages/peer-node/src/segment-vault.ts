/**
 * Plaintext outside, ciphertext inside: seals blocks under their segment's key before they reach the
 * store, and opens and verifies them for whoever brings his own Content Information.
 */
import type { BlockStore, NewSegment, SecretStore, StoredBlock } from "@branchcache/cache-store";
import {
  blockLengthBytes,
  type CipherId,
  type HashEngine,
  type SealedBlock,
  type Segment,
  type SegmentId,
  verifyBlock,
  verifyBlockList,
} from "@branchcache/content-info";
import type { BlockCipher } from "@branchcache/retrieval";
import { concatBytes, errorMessage, type Observer, type Random, toHex } from "@branchcache/runtime";

export interface SegmentVaultOptions {
  readonly blocks: BlockStore;
  readonly secrets: SecretStore;
  readonly engine: HashEngine;
  readonly cipher: BlockCipher;
  /** What blocks are kept in. */
  readonly cipherId: CipherId;
  readonly random: Random;
  readonly observer: Observer;
}

export class SegmentVault {
  readonly #options: SegmentVaultOptions;
  readonly #records = new WeakMap<Segment, Omit<NewSegment, "tags">>();
  /** Segments whose secret this process has stored already, so that 512 blocks cost one write. */
  readonly #knownSecrets = new Set<string>();
  /** The same, for who keeps one block of a segment after another. */
  readonly #secretsKept = new WeakSet<Segment>();
  readonly #writingSecrets = new Set<Promise<void>>();

  constructor(options: SegmentVaultOptions) {
    this.#options = options;
  }

  /** Which of these blocks are held, by segment; index-aligned. */
  async heldBlocks(segments: readonly Segment[]): Promise<readonly ReadonlySet<number>[]> {
    const { blocks } = this.#options;
    const held = await blocks.holds(segments.map((segment) => segment.id));
    return Promise.all(
      segments.map(async (segment, i) => {
        const entry = held[i];
        if (!entry) return NONE;
        if (entry.heldBlocks === entry.totalBlocks && entry.totalBlocks === 1) return ONLY_THE_FIRST;
        return new Set(await blocks.heldBlocks(segment.id));
      }),
    );
  }

  /**
   * A held block in plain, checked against the reader's own segment. Undefined when it is not held,
   * or was not what it should be: then the segment is dropped, since nobody can use it.
   */
  async read(segment: Segment, blockIndex: number): Promise<Uint8Array | undefined> {
    const { blocks, cipher, engine, observer } = this.#options;
    const use = (stored: StoredBlock) => {
      const opened = cipher.open(stored, segment.secret, blockLengthBytes(segment, blockIndex));
      if (!opened) return { fault: "decrypt" };
      const { plaintext, canonical } = opened;
      if (!verifyBlock(segment, blockIndex, plaintext, engine)) return { fault: "hash" };
      // Blind no longer: the full list is known now, and the block is what it says.
      const isProven = stored.trust === "blind" && this.#record(segment).trust === "verified";
      const keeping = isProven
        ? this.keep(segment, blockIndex, plaintext, canonical ? stored : undefined)
        : undefined;
      return { plaintext, keeping };
    };
    let found = await blocks.withBlock(segment.id, blockIndex, use, { checked: false });
    // A block that was damaged on the disk is dropped by the store, and says nothing of the others.
    if (found?.fault !== undefined)
      found = await blocks.withBlock(segment.id, blockIndex, use, { counts: false });
    if (found?.fault === undefined) {
      await found?.keeping;
      return found?.plaintext;
    }
    observer.count("blocks_rejected_total", 1, { reason: found.fault });
    observer.event("warn", "cache.corrupt", { segment: toHex(segment.id), block: blockIndex });
    await blocks.removeSegment(segment.id).catch((error: unknown) => this.#saveFailed(segment.id, error));
    return undefined;
  }

  /** What `read` gave is not looked at any more. */
  release(plaintext: Uint8Array): void {
    this.#options.cipher.release?.(plaintext);
  }

  /**
   * Keeps a verified block. `sealed` is the ciphertext it came in, kept as it is when it is of the
   * configured cipher; else the plaintext is sealed anew. Both are done with when this returns. `tags` are for
   * flushing by. Never rejects.
   */
  async keep(
    segment: Segment,
    blockIndex: number,
    plaintext: Uint8Array,
    sealed?: SealedBlock,
    tags: readonly string[] = [],
  ): Promise<"kept" | "not-kept"> {
    const { blocks, cipher, cipherId, random } = this.#options;
    const isFit = sealed?.cipher === cipherId;
    const block = isFit ? sealed : cipher.seal(plaintext, segment.secret, cipherId, random);
    try {
      // The store copies the block before anything is waited for: the ciphertext may be the connection's own.
      const putting = blocks.putBlock({ ...this.#record(segment), tags }, blockIndex, block);
      if (!isFit) cipher.release?.(block.data);
      const [result] = await Promise.all([putting, this.#keepSecret(segment)]);
      return result === "full" ? "not-kept" : "kept";
    } catch (error) {
      // The reader has his bytes; a cache that cannot take them costs the next reader, not this one.
      this.#saveFailed(segment.id, error);
      return "not-kept";
    }
  }

  /** Does not wait for the disk: a block without its secret is still served, and read by whoever brings the key. */
  async #keepSecret(segment: Segment): Promise<void> {
    if (this.#secretsKept.has(segment)) return;
    this.#secretsKept.add(segment);
    const { id, secret } = segment;
    const name = toHex(id);
    if (this.#knownSecrets.has(name)) return;
    if (this.#knownSecrets.size >= KNOWN_SECRETS_MAX) this.#knownSecrets.clear();
    this.#knownSecrets.add(name);
    const writing = this.#options.secrets
      .put(id, secret)
      .catch((error: unknown) => {
        this.#knownSecrets.delete(name);
        this.#secretsKept.delete(segment);
        this.#saveFailed(id, error);
      })
      .finally(() => this.#writingSecrets.delete(writing));
    this.#writingSecrets.add(writing);
    if (this.#writingSecrets.size >= WRITING_SECRETS_MAX) await Promise.race(this.#writingSecrets);
  }

  #saveFailed(id: SegmentId, error: unknown): void {
    this.#options.observer.event("warn", "cache.save_failed", {
      segment: toHex(id),
      error: errorMessage(error),
    });
  }

  #record(segment: Segment): Omit<NewSegment, "tags"> {
    let record = this.#records.get(segment);
    if (!record) {
      const { cipherId, engine } = this.#options;
      const complete = verifyBlockList(segment, engine) === "complete";
      record = {
        id: segment.id,
        cipher: cipherId,
        algorithm: segment.algorithm,
        lengthBytes: segment.lengthBytes,
        blockSizeBytes: segment.blockSizeBytes,
        // A partial list of block hashes cannot be checked against the hash of data.
        trust: complete ? "verified" : "blind",
        hashOfData: segment.hashOfData,
        ...(complete && segment.version === 1 ? { blockHashes: concatBytes(...segment.blockHashes) } : {}),
      };
      this.#records.set(segment, record);
    }
    return record;
  }
}

const NONE: ReadonlySet<number> = new Set();
const ONLY_THE_FIRST: ReadonlySet<number> = new Set([0]);
const KNOWN_SECRETS_MAX = 65_536;
const WRITING_SECRETS_MAX = 256;
