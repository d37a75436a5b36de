import type { NewSegment } from "../block-store.ts";
import {
  BLOCK_BYTES,
  blockOf,
  type ContractTestApi,
  codeOf,
  idOf,
  type OpenStores,
  SEALED_BYTES,
  segmentOf,
  withStores,
} from "./harness.ts";

/** Who may change what of whom. */
export function trustContract(open: OpenStores, { it, expect }: ContractTestApi): void {
  const full: Partial<NewSegment> = {
    hashOfData: new Uint8Array(32).fill(1),
    blockHashes: new Uint8Array(96).fill(2),
    algorithm: "sha256",
  };
  const verified = segmentOf(1, 3, full);
  const blind = segmentOf(1, 3, { trust: "blind" });

  it("never overwrites a record by a contradicting one", () =>
    withStores(open, {}, async ({ blocks }) => {
      await blocks.putBlock(verified, 0, blockOf(0));
      const before = await blocks.segment(idOf(1));
      const contradictions: [string, NewSegment, number][] = [
        ["length", { ...verified, lengthBytes: 3 * BLOCK_BYTES - 1 }, BLOCK_BYTES],
        ["block size", { ...verified, blockSizeBytes: BLOCK_BYTES + 16 }, BLOCK_BYTES + 16],
        ["hash of data", { ...verified, hashOfData: new Uint8Array(32).fill(7) }, BLOCK_BYTES],
        ["block hashes", { ...verified, blockHashes: new Uint8Array(96).fill(7) }, BLOCK_BYTES],
        ["algorithm", { ...verified, algorithm: "sha384" }, BLOCK_BYTES],
        ["a blind writer's length", { ...blind, lengthBytes: 3 * BLOCK_BYTES - 1 }, BLOCK_BYTES],
      ];
      for (const [what, segment, bytes] of contradictions) {
        expect(await codeOf(blocks.putBlock(segment, 1, blockOf(9, bytes))), what).toEqual(
          "BC_STORE_MISMATCH",
        );
      }
      expect(await blocks.segment(idOf(1))).toEqual(before);
      expect(await blocks.heldBlocks(idOf(1))).toEqual([0]);
      expect((await blocks.usage()).bytes).toEqual(SEALED_BYTES);
    }));

  it("lets no blind writer plant blocks or facts in a verified segment", () =>
    withStores(open, {}, async ({ blocks }) => {
      const bare = segmentOf(1, 3);
      await blocks.putBlock(bare, 0, blockOf(0));
      expect(await codeOf(blocks.putBlock(blind, 1, blockOf(9)))).toEqual("BC_STORE_MISMATCH");
      const planted = { ...blind, ...full, tags: ["planted"] };
      expect(await blocks.putBlock(planted, 0, blockOf(9))).toEqual("already-held");
      expect(await blocks.heldBlocks(idOf(1))).toEqual([0]);
      expect((await blocks.getBlock(idOf(1), 0))?.data).toEqual(blockOf(0).data);
      expect(await blocks.segment(idOf(1))).toEqual({ ...bare, createdMs: 1_000_000, pins: 0 });
    }));

  it("keeps blind blocks blind when the segment becomes verified, and lets verified ones replace them", () =>
    withStores(open, {}, async ({ blocks }) => {
      await blocks.putBlock({ ...blind, tags: ["offered"] }, 0, blockOf(50));
      await blocks.putBlock(blind, 1, blockOf(51));
      expect((await blocks.segment(idOf(1)))?.trust).toEqual("blind");
      expect(await blocks.putBlock(verified, 2, blockOf(2))).toEqual("stored");
      expect(await blocks.segment(idOf(1))).toEqual({
        ...verified,
        tags: ["offered"],
        createdMs: 1_000_000,
        pins: 0,
      });
      expect(await blocks.heldBlocks(idOf(1))).toEqual([0, 1, 2]);
      expect(await blocks.heldBlocks(idOf(1), "verified")).toEqual([2]);
      expect((await blocks.getBlock(idOf(1), 0))?.trust).toEqual("blind");
      expect((await blocks.getBlock(idOf(1), 2))?.trust).toEqual("verified");
      expect((await blocks.usage()).segments).toEqual({ complete: 0, partial: 1 });
      const planted = segmentOf(2, 4, { trust: "blind" });
      for (const index of [1, 2]) await blocks.putBlock(planted, index, blockOf(index));
      for (const index of [0, 3]) await blocks.putBlock(segmentOf(2, 4), index, blockOf(index));
      const next = [];
      for (const index of [0, 1, 2, 3]) next.push((await blocks.getBlock(idOf(2), index))?.nextBlockIndex);
      expect(next, "a verified block names no blind one").toEqual([3, 2, 3, 0]);
      await blocks.removeSegment(idOf(2));

      expect(await blocks.putBlock(verified, 0, blockOf(0))).toEqual("stored");
      expect(await blocks.putBlock(verified, 1, blockOf(1))).toEqual("stored");
      expect(await blocks.putBlock(verified, 1, blockOf(1))).toEqual("already-held");
      expect((await blocks.getBlock(idOf(1), 0))?.data).toEqual(blockOf(0).data);
      const usage = await blocks.usage();
      expect([usage.bytes, usage.segments]).toEqual([3 * SEALED_BYTES, { complete: 1, partial: 0 }]);
    }));

  it("takes a blind writer's hashes for nothing once somebody verified", () =>
    withStores(open, {}, async ({ blocks }) => {
      const claims: NewSegment = {
        ...blind,
        hashOfData: new Uint8Array(32).fill(66),
        blockHashes: new Uint8Array(96).fill(66),
        algorithm: "sha512-truncated",
      };
      await blocks.putBlock(claims, 0, blockOf(66));
      expect(await codeOf(blocks.putBlock({ ...blind, ...full }, 1, blockOf(1)))).toEqual(
        "BC_STORE_MISMATCH",
      );
      expect(await blocks.putBlock(verified, 1, blockOf(1))).toEqual("stored");
      expect(await blocks.segment(idOf(1))).toEqual({ ...verified, createdMs: 1_000_000, pins: 0 });
    }));

  it("asks a verified writer to remove a blind record of other sizes first", () =>
    withStores(open, {}, async ({ blocks }) => {
      await blocks.putBlock(segmentOf(1, 2, { trust: "blind" }), 0, blockOf(66));
      expect(await codeOf(blocks.putBlock(verified, 0, blockOf(0)))).toEqual("BC_STORE_MISMATCH");
      await blocks.removeSegment(idOf(1));
      expect(await blocks.putBlock(verified, 0, blockOf(0))).toEqual("stored");
    }));
}
