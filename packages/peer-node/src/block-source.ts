/** What is given to peers: verified blocks, as they lie in the store. */
import type { BlockStore, SecretStore, StoredBlock } from "@branchcache/cache-store";
import { blockLengthBytes, type CipherId, type SealedBlock, type SegmentId } from "@branchcache/content-info";
import type { HeldSegments } from "@branchcache/discovery";
import type { BlockCipher, BlockSource } from "@branchcache/retrieval";
import type { Clock, Random } from "@branchcache/runtime";
import { LentBuffers } from "./lent-buffers.ts";

export interface ReSealing {
  readonly secrets: SecretStore;
  readonly cipher: BlockCipher;
  readonly random: Random;
}

/**
 * `reSealing`: blocks go out in the cipher that the peer prefers, at the price of one decryption and one
 * encryption, where their key is known. Without it they go out as they lie.
 */
export function blockSourceOf(blocks: BlockStore, reSealing?: ReSealing): BlockSource {
  const buffers = new LentBuffers();
  return {
    heldBlocks: (id) => blocks.heldBlocks(id, "verified"),
    async block(id, index, preferred) {
      const lent = await blocks.withBlock(id, index, (block) =>
        block.trust === "verified" ? lend(block, buffers) : undefined,
      );
      // Cipher 0 is a preference that nobody gets: it would put plaintext on the wire.
      if (!lent || !reSealing || preferred === 0 || preferred === lent.sealed.cipher) return lent;
      const sealed = await reSeal(blocks, reSealing, id, index, lent.sealed, preferred);
      return sealed ? { ...lent, sealed } : lent;
    },
  };
}

/**
 * What a hosted cache gives to whoever asks at its own port: unread blocks too, as they came, since its readers
 * verify them; and how long each segment has been held. [MS-PCHC] 3.1, [MS-PCCRR] 3.2.5.4
 */
export function hostedSourceOf(blocks: BlockStore, clock: Clock): BlockSource {
  const buffers = new LentBuffers();
  return {
    heldBlocks: (id) => blocks.heldBlocks(id),
    block: (id, index) => blocks.withBlock(id, index, (block) => lend(block, buffers)),
    async segmentAges(ids) {
      const held = await blocks.holds(ids);
      const nowMs = clock.wallMs();
      return held.map((entry) => entry && Math.max(0, nowMs - entry.createdMs));
    },
  };
}

/** A copy in memory that is used again once it is released. */
function lend({ nextBlockIndex, cipher, iv, data }: StoredBlock, buffers: LentBuffers) {
  const copy = buffers.take(data.length);
  copy.set(data);
  const sealed: SealedBlock = { cipher, iv: new Uint8Array(iv), data: copy };
  return { sealed, nextBlockIndex, release: () => buffers.give(copy) };
}

async function reSeal(
  blocks: BlockStore,
  { secrets, cipher, random }: ReSealing,
  id: SegmentId,
  index: number,
  stored: SealedBlock,
  preferred: CipherId,
): Promise<SealedBlock | undefined> {
  const [record, secret] = await Promise.all([blocks.segment(id), secrets.get(id)]);
  if (!record || !secret) return undefined;
  const opened = cipher.open(stored, secret, blockLengthBytes(record, index));
  return opened && cipher.seal(opened.plaintext, secret, preferred, random);
}

/** What discovery answers for: the same blocks. */
export function heldSegmentsOf(blocks: BlockStore): HeldSegments {
  return {
    async holds(ids) {
      const held = await blocks.holds(ids);
      return held.map((entry) =>
        entry && entry.verifiedBlocks > 0 ? { ...entry, heldBlocks: entry.verifiedBlocks } : undefined,
      );
    },
  };
}
