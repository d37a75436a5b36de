import { copyFile, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { findPageDamage } from "../../src/lmdb/page-check.ts";
import { BLOCKS, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { openStores } from "../helpers/temporary.ts";
import { overwrite, PAGE_BYTES, treePages } from "../helpers/tree-pages.ts";

const SEGMENTS = 60;

/** A closed store that has had tags, pins, publications and removals. */
async function usedStore(): Promise<string> {
  const path = await temporaryDirectory();
  const { blocks, publications, close } = await openStores(path);
  for (let n = 0; n < SEGMENTS; n++) {
    const tags = n % 3 === 0 ? ["site", `tag ${n}`] : [];
    for (let index = 0; index < BLOCKS; index++)
      await blocks.putBlock({ ...segmentOf(n), tags }, index, sealedBlock(n, index));
    if (n % 10 === 9) await blocks.flush();
  }
  for (let n = 0; n < SEGMENTS; n += 7) await blocks.removeSegment(segmentOf(n).id);
  await blocks.pin(segmentOf(1).id);
  const entry = { validator: "v", sizeBytes: 9, publications: [new Uint8Array(50_000)], createdMs: 1 };
  await publications.put("/file", entry);
  await close();
  return path;
}

describe("findPageDamage", () => {
  it("finds nothing in what was closed, in what is compacted, and in what is empty", async () => {
    const path = await usedStore();
    expect(await findPageDamage(path)).toBeUndefined();
    const { compact, close } = await openStores(path);
    await compact();
    await close();
    expect(await findPageDamage(path)).toBeUndefined();
    const empty = await temporaryDirectory();
    await (await openStores(empty)).close();
    expect(await findPageDamage(empty)).toBeUndefined();
  });

  it("finds nothing in what somebody writes to meanwhile", async () => {
    const path = await usedStore();
    const { blocks } = await openStores(path);
    let isDone = false;
    const writing = (async () => {
      for (let n = 100; n < 160; n++) {
        await blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0));
        await blocks.removeSegment(segmentOf(n - 1).id);
      }
      isDone = true;
    })();
    const found = new Set<string | undefined>();
    while (!isDone) found.add(await findPageDamage(path));
    await writing;
    expect([...found]).toEqual([undefined]);
  });

  it("finds every tree page that is overwritten, whatever with, and nothing where the page was free", async () => {
    const path = await usedStore();
    const copy = await temporaryDirectory();
    const original = await readFile(join(path, "data.mdb"));
    const pages = treePages(original);
    expect(pages.length).toBeGreaterThan(10);
    // In use are those which the walk misses when they are nothing but zeros.
    const used: number[] = [];
    await copyFile(join(path, "data.mdb"), join(copy, "data.mdb"));
    for (const n of pages) {
      await overwrite(join(copy, "data.mdb"), n * PAGE_BYTES, new Uint8Array(PAGE_BYTES));
      if ((await findPageDamage(copy)) !== undefined) used.push(n);
      await overwrite(
        join(copy, "data.mdb"),
        n * PAGE_BYTES,
        original.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES),
      );
    }
    expect(used.length).toBeGreaterThan(8);
    expect(await findPageDamage(copy)).toBeUndefined();
    const noise = fc.uint8Array({ minLength: PAGE_BYTES, maxLength: PAGE_BYTES });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...used), noise, async (n, bytes) => {
        await overwrite(join(copy, "data.mdb"), n * PAGE_BYTES, bytes);
        expect(await findPageDamage(copy)).toBeDefined();
        await overwrite(
          join(copy, "data.mdb"),
          n * PAGE_BYTES,
          original.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("never fails otherwise, whatever bytes are damaged", async () => {
    const path = await usedStore();
    const { length } = await readFile(join(path, "data.mdb"));
    const places = fc.array(fc.tuple(fc.nat(length - 1), fc.uint8Array({ minLength: 1, maxLength: 64 })));
    await fc.assert(
      fc.asyncProperty(places, async (damages) => {
        for (const [at, bytes] of damages)
          await overwrite(join(path, "data.mdb"), Math.max(at, 2 * PAGE_BYTES), bytes);
        expect(["string", "undefined"]).toContain(typeof (await findPageDamage(path)));
      }),
      { numRuns: 30 },
    );
  });

  it("finds that the end is missing", async () => {
    const path = await usedStore();
    const { length } = await readFile(join(path, "data.mdb"));
    await truncate(join(path, "data.mdb"), Math.floor(length / 2));
    expect(await findPageDamage(path)).toBeDefined();
  });
});
