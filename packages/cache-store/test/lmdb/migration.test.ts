import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { open } from "lmdb";
import { Packr } from "msgpackr";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { sequenceKey } from "../../src/lmdb/formats.ts";
import { blockKey, encodeBlock, publicationKey } from "../../src/node/encodings.ts";
import { SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { collect } from "../helpers/temporary.ts";

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

/** A store as formats 1 and 2 had it: blocks inside LMDB, limits, a publication. */
async function writeOldFormat(path: string, format: 1 | 2): Promise<void> {
  const root = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    maxDbs: 16,
    encoding: "binary",
    keyEncoding: "binary",
  });
  await root.put(new TextEncoder().encode("branchcache-format"), Uint8Array.of(format));
  const put = async (table: string, key: Uint8Array, value: Uint8Array) => {
    const database = root.openDB<Uint8Array, Uint8Array>({
      name: table,
      encoding: "binary",
      keyEncoding: "binary",
    });
    await database.put(key, value);
  };
  for (let n = 1; n <= 60; n++) {
    const { id } = segmentOf(n);
    await put("states", id, new Uint8Array(66).fill(1));
    await put("facts", id, packr.pack({ cipher: 1, tags: [] }));
    await put("blocks", blockKey(id, 0), encodeBlock(blockKey(id, 0), sealedBlock(n, 0)));
    await put("queue", sequenceKey(n), id);
  }
  const totals = { bytes: 60 * SEALED_BYTES, pinnedBytes: 0, segments: 60, complete: 0, nextSequence: 61 };
  await put("totals", Uint8Array.of(0), packr.pack(totals));
  await put("totals", Uint8Array.of(1), packr.pack({ limitBytes: 7_000_000, maxAgeMs: 1e9 }));
  const entry = { validator: "v", sizeBytes: 9, publications: [new Uint8Array(5)], createdMs: 1 };
  const name = new TextEncoder().encode("/a");
  const packed = packr.pack(entry);
  const value = new Uint8Array(4 + name.length + packed.length);
  value[0] = name.length;
  value.set(name, 4);
  value.set(packed, 4 + name.length);
  const key = publicationKey("/a");
  await put("publications", key, value);
  if (format === 2) {
    const place = new DataView(new ArrayBuffer(16));
    place.setFloat64(0, 1, true);
    place.setFloat64(8, value.length, true);
    await put("publication-places", key, new Uint8Array(place.buffer));
    await put("publication-queue", sequenceKey(1), key);
    await put("totals", Uint8Array.of(3), packr.pack({ bytes: value.length, entries: 1, nextSequence: 2 }));
  }
  await root.close();
}

it.each([1, 2] as const)(
  "begins anew with a store of format %d, and says so; limits and publications stay, compacting gives the room back",
  async (format) => {
    const path = await temporaryDirectory();
    await writeOldFormat(path, format);
    const clock = manualClock(1_700_000_000_000);
    const observer = recordingObserver();
    const { blocks, publications, compact, close } = await openLmdbStore({ path, clock, observer });
    const events = observer.named("cache.format_changed");
    expect(events.map(({ level, fields }) => [level, fields])).toEqual([
      ["warn", { path, from: format, to: 3 }],
    ]);
    expect(await blocks.limits()).toEqual({ limitBytes: 7_000_000, maxAgeMs: 1e9 });
    expect(await collect(blocks.ids())).toEqual([]);
    expect(await publications.usage()).toMatchObject({ entries: 1, bytes: expect.any(Number) });
    expect((await publications.get("/a"))?.validator).toBe("v");
    await compact();
    expect((await stat(join(path, "data.mdb"))).size).toBeLessThan(200_000);
    await blocks.putBlock(segmentOf(4), 0, sealedBlock(4, 0));
    await close();

    const again = recordingObserver();
    const reopened = await openLmdbStore({ path, clock, observer: again });
    expect(again.named("cache.format_changed")).toEqual([]);
    expect((await reopened.blocks.getBlock(segmentOf(4).id, 0))?.data).toEqual(sealedBlock(4, 0).data);
    await reopened.publications.put("/b", { validator: "w", sizeBytes: 1, publications: [], createdMs: 1 });
    expect((await reopened.publications.usage()).entries).toBe(2);
    await reopened.close();
  },
);
