import { toHex } from "@branchcache/runtime";
import { evictionContract } from "./eviction-contract.ts";
import {
  BLOCK_BYTES,
  blockOf,
  type ContractOptions,
  type ContractTestApi,
  codeOf,
  collect,
  idOf,
  type OpenStores,
  SEALED_BYTES,
  segmentOf,
  steppingClock,
  withStores,
} from "./harness.ts";
import { trustContract } from "./trust-contract.ts";
import { upkeepContract } from "./upkeep-contract.ts";

/** The suite of `BlockStore`. */
export function blockStoreContract(
  name: string,
  open: OpenStores,
  api: ContractTestApi,
  { limits = "store" }: ContractOptions = {},
): void {
  const { describe, it, expect } = api;

  describe(`${name}: BlockStore`, () => {
    it("holds nothing at first", () =>
      withStores(open, {}, async ({ blocks }) => {
        expect(await blocks.holds([idOf(1), idOf(2)])).toEqual([undefined, undefined]);
        expect(await blocks.segment(idOf(1))).toEqual(undefined);
        expect(await blocks.heldBlocks(idOf(1))).toEqual(undefined);
        expect(await blocks.getBlock(idOf(1), 0)).toEqual(undefined);
        expect(await blocks.removeSegment(idOf(1))).toEqual(false);
        expect(await blocks.pin(idOf(1))).toEqual(false);
        expect(await blocks.unpin(idOf(1))).toEqual(false);
        expect(await collect(blocks.ids())).toEqual([]);
        const { bytes, limitBytes, segments } = await blocks.usage();
        expect([bytes, segments]).toEqual([0, { complete: 0, partial: 0 }]);
        if (limits === "store") expect(limitBytes).toEqual(1_000_000);
      }));

    it("gives back what was put, byte for byte", () =>
      withStores(open, {}, async ({ blocks }) => {
        const segment = segmentOf(1, 3);
        expect(await blocks.putBlock(segment, 2, blockOf(2))).toEqual("stored");
        expect(await blocks.putBlock(segment, 0, blockOf(0))).toEqual("stored");
        expect(await blocks.getBlock(segment.id, 0)).toEqual({
          ...blockOf(0),
          trust: "verified",
          nextBlockIndex: 2,
        });
        expect(await blocks.getBlock(segment.id, 2)).toEqual({
          ...blockOf(2),
          trust: "verified",
          nextBlockIndex: 0,
        });
        expect(await blocks.getBlock(segment.id, 1)).toEqual(undefined);
        expect(await blocks.getBlock(segment.id, 3)).toEqual(undefined);
        expect(await blocks.heldBlocks(segment.id)).toEqual([0, 2]);
      }));

    it("keeps every cipher, the last and shorter block, and blocks of 1 byte", () =>
      withStores(open, {}, async ({ blocks }) => {
        for (const cipher of [0, 1, 2, 3] as const) {
          const segment = segmentOf(cipher, 2, { cipher, lengthBytes: BLOCK_BYTES + 1 });
          expect(await blocks.putBlock(segment, 1, blockOf(cipher, 1, cipher))).toEqual("stored");
          expect(await blocks.getBlock(segment.id, 1)).toEqual({
            ...blockOf(cipher, 1, cipher),
            trust: "verified",
            nextBlockIndex: 0,
          });
        }
      }));

    it("takes identifiers of 32, 48 and 64 bytes, and does not mix up one that starts as another", () =>
      withStores(open, {}, async ({ blocks }) => {
        const ids = [32, 48, 64].map((length) => new Uint8Array(length).fill(7));
        for (const [n, id] of ids.entries()) {
          await blocks.putBlock(segmentOf(0, 1, { id }), 0, blockOf(n));
        }
        for (const [n, id] of ids.entries()) {
          expect((await blocks.getBlock(id, 0))?.data).toEqual(blockOf(n).data);
        }
        expect((await collect(blocks.ids())).map(toHex).sort()).toEqual(ids.map(toHex).sort());
      }));

    it("answers whether it holds them in the order of the question", () =>
      withStores(open, {}, async ({ blocks }) => {
        await blocks.putBlock(segmentOf(1, 2), 1, blockOf(1));
        await blocks.putBlock(segmentOf(3, 1, { trust: "blind" }), 0, blockOf(1));
        expect(await blocks.holds([idOf(3), idOf(2), idOf(1), idOf(3)])).toEqual([
          { heldBlocks: 1, verifiedBlocks: 0, totalBlocks: 1, createdMs: 1_000_000 },
          undefined,
          { heldBlocks: 1, verifiedBlocks: 1, totalBlocks: 2, createdMs: 1_000_000 },
          { heldBlocks: 1, verifiedBlocks: 0, totalBlocks: 1, createdMs: 1_000_000 },
        ]);
        expect(await blocks.holds([])).toEqual([]);
      }));

    it("keeps the record, with the time of its first block", () => {
      const time = steppingClock();
      return withStores(open, { clock: time.clock }, async ({ blocks }) => {
        const segment = segmentOf(1, 2, {
          tags: ["preload", "site-a"],
          hashOfData: new Uint8Array(32).fill(9),
          blockHashes: new Uint8Array(64).fill(8),
          algorithm: "sha256",
          secretRef: "key-1",
        });
        time.set(5000);
        await blocks.putBlock(segment, 0, blockOf(0));
        time.set(9000);
        await blocks.putBlock(segment, 1, blockOf(1));
        expect(await blocks.segment(segment.id)).toEqual({ ...segment, createdMs: 5000, pins: 0 });
      });
    });

    it("adds facts and tags that a later writer knows", () =>
      withStores(open, {}, async ({ blocks }) => {
        await blocks.putBlock(segmentOf(1, 2, { tags: ["a"] }), 0, blockOf(0));
        const more = segmentOf(1, 2, {
          tags: ["b", "a"],
          hashOfData: new Uint8Array(32).fill(9),
          algorithm: "sha256",
        });
        expect(await blocks.putBlock(more, 0, blockOf(0))).toEqual("already-held");
        await blocks.putBlock(segmentOf(1, 2, { tags: ["c"] }), 1, blockOf(1));
        const record = await blocks.segment(idOf(1));
        expect(record?.tags).toEqual(["a", "b", "c"]);
        expect(record?.hashOfData).toEqual(more.hashOfData);
        expect(record?.algorithm).toEqual("sha256");
      }));

    it("keeps its own copies, going in and coming out", () =>
      withStores(open, {}, async ({ blocks }) => {
        const segment = segmentOf(1, 1, { hashOfData: bytes32(4) });
        const block = blockOf(1);
        const put = blocks.putBlock(segment, 0, block);
        block.data.fill(0);
        block.iv.fill(0);
        segment.id.fill(0);
        segment.hashOfData?.fill(0);
        await put;
        const got = await blocks.getBlock(idOf(1), 0);
        expect(got?.data).toEqual(blockOf(1).data);
        got?.data.fill(0);
        got?.iv.fill(0);
        (await blocks.segment(idOf(1)))?.hashOfData?.fill(0);
        expect((await blocks.getBlock(idOf(1), 0))?.data).toEqual(blockOf(1).data);
        expect((await blocks.getBlock(idOf(1), 0))?.iv).toEqual(blockOf(1).iv);
        expect((await blocks.segment(idOf(1)))?.hashOfData).toEqual(bytes32(4));
      }));

    it("lends a block for as long as the caller's function runs", () =>
      withStores(open, {}, async ({ blocks }) => {
        await blocks.putBlock(segmentOf(1, 2), 1, blockOf(5));
        const sum = await blocks.withBlock(idOf(1), 1, (block) => ({
          bytes: block.data.reduce((total, byte) => total + byte, 0),
          trust: block.trust,
        }));
        const bytes = blockOf(5).data.reduce((total, byte) => total + byte, 0);
        expect(sum).toEqual({ bytes, trust: "verified" });
        expect(await blocks.withBlock(idOf(1), 0, () => 1)).toEqual(undefined);
      }));

    it("stores a block once", () =>
      withStores(open, {}, async ({ blocks }) => {
        const segment = segmentOf(1, 2);
        expect(await blocks.putBlock(segment, 0, blockOf(1))).toEqual("stored");
        expect(await blocks.putBlock(segment, 0, blockOf(2))).toEqual("already-held");
        expect((await blocks.getBlock(segment.id, 0))?.data).toEqual(blockOf(1).data);
        expect((await blocks.usage()).bytes).toEqual(SEALED_BYTES);
      }));

    it("takes many puts at once, in any order", () =>
      withStores(open, {}, async ({ blocks }) => {
        const count = 120;
        const puts = Array.from({ length: count }, (_, i) =>
          blocks.putBlock(segmentOf(i % 7, 200), (i * 37) % 200, blockOf(i)),
        );
        expect(new Set(await Promise.all(puts))).toEqual(new Set(["stored"]));
        for (let i = 0; i < count; i++) {
          expect((await blocks.getBlock(idOf(i % 7), (i * 37) % 200))?.data).toEqual(blockOf(i).data);
        }
        expect((await blocks.usage()).bytes).toEqual(count * SEALED_BYTES);
      }));

    it("counts bytes, complete and partial segments", () =>
      withStores(open, {}, async ({ blocks }) => {
        await blocks.putBlock(segmentOf(1, 2), 0, blockOf(0));
        await blocks.putBlock(segmentOf(2, 1), 0, blockOf(0));
        await blocks.putBlock(segmentOf(3, 1, { trust: "blind" }), 0, blockOf(0));
        const first = await blocks.usage();
        expect([first.bytes, first.segments]).toEqual([3 * SEALED_BYTES, { complete: 1, partial: 2 }]);
        await blocks.putBlock(segmentOf(1, 2), 1, blockOf(1));
        await blocks.removeSegment(idOf(2));
        const second = await blocks.usage();
        expect([second.bytes, second.segments]).toEqual([3 * SEALED_BYTES, { complete: 1, partial: 1 }]);
      }));

    it("removes a segment, and takes it anew with other sizes", () =>
      withStores(open, {}, async ({ blocks, secrets }) => {
        await secrets.put(idOf(1), new Uint8Array(32).fill(1));
        await blocks.putBlock(segmentOf(1, 2), 0, blockOf(0));
        const removal = blocks.removeSegment(idOf(1));
        const put = blocks.putBlock(segmentOf(1, 5), 4, blockOf(4));
        expect([await removal, await put]).toEqual([true, "stored"]);
        expect(await blocks.heldBlocks(idOf(1))).toEqual([4]);
        expect(await blocks.getBlock(idOf(1), 0)).toEqual(undefined);
        expect(await blocks.removeSegment(idOf(1))).toEqual(true);
        expect(await blocks.holds([idOf(1)])).toEqual([undefined]);
        expect((await blocks.usage()).bytes).toEqual(0);
      }));

    it("refuses what no segment or block can be, and changes nothing", () =>
      withStores(open, {}, async ({ blocks }) => {
        const good = segmentOf(1, 2);
        const { data, iv } = blockOf(1);
        const bad: [string, Parameters<typeof blocks.putBlock>][] = [
          ["no identifier", [{ ...good, id: new Uint8Array(0) }, 0, blockOf(1)]],
          ["an identifier of 65 bytes", [{ ...good, id: new Uint8Array(65) }, 0, blockOf(1)]],
          ["no length", [{ ...good, lengthBytes: 0 }, 0, blockOf(1)]],
          ["half a byte", [{ ...good, lengthBytes: 0.5 }, 0, blockOf(1)]],
          ["no block size", [{ ...good, blockSizeBytes: 0 }, 0, blockOf(1)]],
          ["blocks of 1 GiB", [{ ...good, blockSizeBytes: 2 ** 30 }, 0, blockOf(1)]],
          ["a million blocks", [{ ...good, lengthBytes: 1e6, blockSizeBytes: 1 }, 0, blockOf(1, 1)]],
          ["block -1", [good, -1, blockOf(1)]],
          ["block 2 of 2", [good, 2, blockOf(1)]],
          ["half an index", [good, 0.5, blockOf(1)]],
          ["a short block", [good, 0, blockOf(1, BLOCK_BYTES - 17)]],
          ["a long block", [good, 0, blockOf(1, BLOCK_BYTES + 32)]],
          ["a block that is no multiple of 16", [good, 0, { cipher: 1, iv, data: data.subarray(1) }]],
          ["no initialization vector", [good, 0, { cipher: 1, iv: new Uint8Array(0), data }]],
          ["one with plaintext", [good, 0, { ...blockOf(1, BLOCK_BYTES, 0), iv }]],
          [
            "a list of hashes that fits no number",
            [{ ...good, blockHashes: new Uint8Array(33) }, 0, blockOf(1)],
          ],
        ];
        for (const [what, args] of bad) {
          expect(await codeOf(blocks.putBlock(...args)), what).toEqual("BC_STORE_INVALID");
        }
        expect(await collect(blocks.ids())).toEqual([]);
        expect((await blocks.usage()).bytes).toEqual(0);
      }));

    it("closes twice, and then refuses", async () => {
      const { clock } = steppingClock();
      const stores = await open({
        limitBytes: 100_000,
        clock,
        observer: { event() {}, count() {}, measure() {} },
      });
      const { blocks, secrets, publications } = stores;
      const put = blocks.putBlock(segmentOf(1, 1), 0, blockOf(1));
      const closing = stores.close();
      expect(await put).toEqual("stored");
      await closing;
      await stores.close();
      await blocks.close();
      await secrets.close();
      const calls: (() => Promise<unknown>)[] = [
        () => blocks.holds([idOf(1)]),
        () => blocks.segment(idOf(1)),
        () => blocks.heldBlocks(idOf(1)),
        () => collect(blocks.ids()),
        () => blocks.putBlock(segmentOf(1, 1), 0, blockOf(1)),
        () => blocks.getBlock(idOf(1), 0),
        () => blocks.withBlock(idOf(1), 0, () => 1),
        () => blocks.removeSegment(idOf(1)),
        () => blocks.dropBlock(idOf(1), 0),
        () => blocks.removeAll(),
        () => blocks.expire(),
        () => blocks.limits(),
        () => blocks.setLimits({}),
        () => blocks.statistics(),
        () => collect(blocks.list()),
        () => blocks.pin(idOf(1)),
        () => blocks.unpin(idOf(1)),
        () => blocks.usage(),
        () => blocks.flush(),
        () => secrets.get(idOf(1)),
        () => secrets.put(idOf(1), new Uint8Array(32)),
        () => secrets.delete(idOf(1)),
        () => publications.get("a"),
        () => publications.delete("a"),
        () => collect(publications.keys()),
      ];
      for (const call of calls) expect(await codeOf(call()), call.toString()).toEqual("BC_STORE_CLOSED");
    });

    trustContract(open, api);
    upkeepContract(open, api);
    if (limits === "store") evictionContract(open, api);
  });
}

function bytes32(fill: number): Uint8Array {
  return new Uint8Array(32).fill(fill);
}
