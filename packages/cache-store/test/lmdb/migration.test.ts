import { open } from "lmdb";
import { Packr } from "msgpackr";
import { expect, it, vi } from "vitest";
import { sequenceKey } from "../../src/lmdb/formats.ts";
import { blockKey, encodeBlock, publicationKey } from "../../src/node/encodings.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { collect, openStores, temporaryDirectory } from "../helpers/temporary.ts";

vi.setConfig({ testTimeout: 60_000 });

const packr = new Packr({ useRecords: false, mapsAsObjects: true });
const CREATED_MS = 1_700_000_000_000 - 86_400_000;

/** State of format 1: 48 bytes, then two bitmaps. */
function oldState(sequence: number, pins: number): Uint8Array {
  const value = new Uint8Array(48 + 2);
  const view = new DataView(value.buffer);
  view.setFloat64(0, sequence, true);
  view.setFloat64(8, CREATED_MS + sequence, true);
  view.setFloat64(16, segmentOf(1).lengthBytes, true);
  view.setFloat64(24, SEALED_BYTES, true);
  view.setUint32(32, segmentOf(1).blockSizeBytes, true);
  view.setUint32(36, pins, true);
  view.setUint32(40, BLOCKS, true);
  value.set([1, 0, 0, 0, 1, 1], 44);
  return value;
}

/** A store as format 1 had it: segments 1 to 3 with a block each, the third pinned, and a publication. */
async function writeFormat1(path: string): Promise<void> {
  const root = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    maxDbs: 8,
    encoding: "binary",
    keyEncoding: "binary",
  });
  await root.put(new TextEncoder().encode("branchcache-format"), Uint8Array.of(1));
  const put = async (table: string, key: Uint8Array, value: Uint8Array) => {
    const database = root.openDB<Uint8Array, Uint8Array>({
      name: table,
      encoding: "binary",
      keyEncoding: "binary",
    });
    await database.put(key, value);
  };
  for (const n of [1, 2, 3]) {
    const { id } = segmentOf(n);
    const pins = n === 3 ? 1 : 0;
    await put("states", id, oldState(n, pins));
    await put("facts", id, packr.pack({ cipher: 1, tags: n === 2 ? ["site"] : [] }));
    await put("blocks", blockKey(id, 0), encodeBlock(blockKey(id, 0), sealedBlock(n, 0)));
    if (pins === 0) await put("queue", sequenceKey(n), id);
  }
  const totals = {
    bytes: 3 * SEALED_BYTES,
    pinnedBytes: SEALED_BYTES,
    segments: 3,
    complete: 0,
    nextSequence: 4,
  };
  await put("totals", Uint8Array.of(0), packr.pack(totals));
  const entry = { validator: "v", sizeBytes: 9, publications: [new Uint8Array(5)], createdMs: 1 };
  const name = new TextEncoder().encode("/a");
  const packed = packr.pack(entry);
  const value = new Uint8Array(4 + name.length + packed.length);
  value[0] = name.length;
  value.set(name, 4);
  value.set(packed, 4 + name.length);
  await put("publications", publicationKey("/a"), value);
  await root.close();
}

it("brings a store of format 1 up to date: blocks, order, ages, tags, publications", async () => {
  const path = await temporaryDirectory();
  await writeFormat1(path);
  const { blocks, publications, close } = await openStores(path, { limitBytes: 3 * SEALED_BYTES });
  expect((await blocks.getBlock(segmentOf(3).id, 0))?.data).toEqual(sealedBlock(3, 0).data);
  expect(await publications.usage()).toMatchObject({ entries: 1, bytes: expect.any(Number) });
  expect((await publications.get("/a"))?.validator).toBe("v");
  const list = await collect(blocks.list());
  expect(list.map(({ tags, createdMs, hits }) => ({ tags, createdMs, hits }))).toEqual([
    { tags: [], createdMs: CREATED_MS + 1, hits: 0 },
    { tags: ["site"], createdMs: CREATED_MS + 2, hits: 0 },
    { tags: [], createdMs: CREATED_MS + 3, hits: 1 },
  ]);
  await blocks.putBlock(segmentOf(4), 0, sealedBlock(4, 0));
  await blocks.flush();
  expect((await collect(blocks.list())).map(({ id }) => id[31])).toEqual([2, 3, 4]);
  expect(await blocks.removeAll({ tag: "site" })).toBe(1);
  await blocks.setLimits({ maxAgeMs: 86_400_000 - 3 });
  expect(
    (await collect(blocks.list())).map(({ id }) => id[31]),
    "the pinned one and the new one",
  ).toEqual([3, 4]);
  await close();
  const again = await openStores(path, { limitBytes: 3 * SEALED_BYTES });
  expect((await again.blocks.statistics()).gone).toMatchObject({
    size: { segments: 1 },
    flush: { segments: 1 },
  });
});
