/** What a hosted cache does with blocks that it took on trust, once it learns their hashes. */
import { createMemoryStore, type NewSegment } from "@branchcache/cache-store";
import type { SealedBlock } from "@branchcache/content-info";
import { publishBytes, ServerSecret, segmentsOf } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { nodeBlockCipher as cipher } from "@branchcache/retrieval/node";
import { silentObserver } from "@branchcache/runtime";
import { manualClock, memoryHttp, seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { pullVerified } from "../../src/hosted/verified-pull.ts";
import { SegmentVault } from "../../src/segment-vault.ts";

const BLOCKS = 3;
const BLOCK_BYTES = 65_536;
const bytes = seededRandom(1).bytes(BLOCKS * BLOCK_BYTES);
const { v1 } = publishBytes(bytes, { engine, versions: [1] });
const segment = (() => {
  const [only] = v1 ? segmentsOf(v1, ServerSecret.fromBytes(Uint8Array.of(1)), engine) : [];
  if (!only) throw new Error("not published");
  return only;
})();

const sealed = (plaintext: Uint8Array): SealedBlock =>
  cipher.seal(plaintext, segment.secret, 1, seededRandom(2));
const trueBlock = (index: number) => sealed(bytes.slice(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES));

/** A segment as somebody offered it who told neither hashes nor key. */
const offered: NewSegment = {
  id: segment.id,
  cipher: 1,
  lengthBytes: segment.lengthBytes,
  blockSizeBytes: segment.blockSizeBytes,
  tags: [],
  trust: "blind",
};

/** A hosted cache with these blocks, and what it asks of a client that offers the segment and has gone since. */
async function pull(record: NewSegment, held: Readonly<Record<number, SealedBlock>>) {
  const clock = manualClock();
  const store = createMemoryStore({ limitBytes: 2 ** 24, clock });
  for (const [index, block] of Object.entries(held))
    await store.blocks.putBlock(record, Number(index), block);
  const random = seededRandom(3);
  const vault = new SegmentVault({
    ...store,
    engine,
    cipher,
    cipherId: 1,
    random,
    observer: silentObserver,
  });
  const from = { address: "192.0.2.1", port: 1_337 };
  const outcome = await pullVerified(
    { from, wanted: { tag: "" } } as Parameters<typeof pullVerified>[0],
    segment,
    new AbortController().signal,
    { blocks: store.blocks, vault, engine, cipher, fetch: { http: memoryHttp(), cipher, engine, clock } },
  );
  const state = {
    outcome,
    verified: await store.blocks.heldBlocks(segment.id, "verified"),
    held: await store.blocks.heldBlocks(segment.id),
  };
  await store.close();
  return state;
}

describe("a pull of a segment whose hashes are known", () => {
  it("asks nobody for blocks that were held on trust and pass their hash", async () => {
    const all = { 0: trueBlock(0), 1: trueBlock(1), 2: trueBlock(2) };
    expect(await pull(offered, all)).toEqual({
      outcome: "complete",
      verified: [0, 1, 2],
      held: [0, 1, 2],
    });
  });

  it.each([
    ["is another block", sealed(bytes.slice(0, BLOCK_BYTES))],
    ["was sealed with another key", { ...trueBlock(1), iv: new Uint8Array(16) }],
  ])("drops a block held on trust that %s, and keeps the others", async (_, falseBlock) => {
    const { outcome, ...state } = await pull(offered, { 0: trueBlock(0), 1: falseBlock });
    expect(outcome).not.toEqual("complete");
    expect(state).toEqual({ verified: [0], held: [0] });
  });

  it.each([
    ["its length", { lengthBytes: segment.lengthBytes - 1 }],
    ["its hash of data", { hashOfData: new Uint8Array(32) }],
    ["its block hashes", { blockHashes: new Uint8Array(32 * BLOCKS) }],
    ["its algorithm", { algorithm: "sha384" as const }],
  ])("drops a segment held on trust that said otherwise of %s", async (_, otherwise) => {
    const { outcome, ...state } = await pull({ ...offered, ...otherwise }, { 0: trueBlock(0) });
    expect(outcome).not.toEqual("complete");
    expect(state).toEqual({ verified: undefined, held: undefined });
  });
});
