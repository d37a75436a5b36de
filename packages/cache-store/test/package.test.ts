import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createMemoryStore, type Stores } from "@branchcache/cache-store";
import { exportPackage, importPackage } from "@branchcache/cache-store/package";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { BLOCKS, sealedBlock, segmentOf } from "./helpers/content.mjs";
import { collect } from "./helpers/temporary.ts";

const wallMs = () => 1_700_000_000_000;
const fresh = () => createMemoryStore({ limitBytes: 1e8, clock: manualClock() });

async function fill({ blocks, secrets, publications }: Stores, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    for (let index = 0; index < BLOCKS; index++)
      await blocks.putBlock(
        { ...segmentOf(n), tags: [n % 2 ? "odd" : "even"] },
        index,
        sealedBlock(n, index),
      );
    await secrets.put(segmentOf(n).id, new Uint8Array(32).fill(n));
  }
  const entry = { validator: "v", sizeBytes: 1, publications: [new Uint8Array(9)], createdMs: 1 };
  await publications.put(`/file-${from}`, entry);
}

async function expectSame(stores: Stores, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    for (let index = 0; index < BLOCKS; index++) {
      const block = await stores.blocks.getBlock(segmentOf(n).id, index);
      expect(block && Buffer.compare(block.data, sealedBlock(n, index).data), `${n}, ${index}`).toBe(0);
    }
  }
}

describe("a package", () => {
  it("carries all of a store to another, blocks blind unless the file is trusted, secrets only if asked", async () => {
    const file = join(await temporaryDirectory(), "all.bcpkg");
    const from = fresh();
    await fill(from, 1, 9);
    const made = await exportPackage({ blocks: from.blocks, publications: from.publications, file, wallMs });
    expect(made).toMatchObject({ segments: 8, blocks: 8 * BLOCKS, publications: 1, skipped: 0, resumed: 0 });
    expect(made.bytes).toBe((await stat(file)).size);
    expect((await from.blocks.statistics()).hits, "exporting is no use").toBe(0);
    const to = fresh();
    const taken = await importPackage({ file, ...to, tags: ["site"] });
    expect(taken).toMatchObject({ segments: 8, stored: 8 * BLOCKS, refused: 0, checked: 0, publications: 1 });
    await expectSame(to, 1, 9);
    expect((await to.blocks.segment(segmentOf(1).id))?.trust).toBe("blind");
    expect((await to.blocks.segment(segmentOf(1).id))?.tags).toEqual(["odd", "site"]);
    expect(await to.secrets.get(segmentOf(1).id)).toBeUndefined();
    const again = await importPackage({ file, ...to });
    expect(again).toMatchObject({ stored: 0, alreadyHeld: 8 * BLOCKS });

    const withSecrets = join(await temporaryDirectory(), "readable.bcpkg");
    await exportPackage({ blocks: from.blocks, secrets: from.secrets, file: withSecrets, wallMs });
    const trusting = fresh();
    await importPackage({ file: withSecrets, ...trusting, unchecked: "verified", pin: true });
    expect(await trusting.blocks.segment(segmentOf(3).id)).toMatchObject({ trust: "verified", pins: 1 });
    expect(await trusting.secrets.get(segmentOf(3).id)).toEqual(new Uint8Array(32).fill(3));
  });

  it("takes what passes its check as verified, and leaves what fails", async () => {
    const file = join(await temporaryDirectory(), "all.bcpkg");
    const from = fresh();
    await fill(from, 1, 4);
    await exportPackage({ blocks: from.blocks, file, wallMs });
    const to = fresh();
    const check = ({ id }: { readonly id: Uint8Array }, index: number) =>
      id[31] === 3 ? undefined : !(id[31] === 2 && index === 1);
    const report = await importPackage({ file, ...to, check });
    expect(report).toMatchObject({ stored: 3 * BLOCKS - 1, checked: 2 * BLOCKS, refused: 1 });
    expect(await to.blocks.heldBlocks(segmentOf(2).id, "verified")).toEqual([0, 2, 3]);
    expect(await to.blocks.heldBlocks(segmentOf(3).id, "verified")).toEqual([]);
  });

  it("leaves out what a reference lists, by tag if so asked", async () => {
    const directory = await temporaryDirectory();
    const [first, second] = [join(directory, "1.bcpkg"), join(directory, "2.bcpkg")];
    const [reference, both] = [join(directory, "1.ref"), join(directory, "2.ref")];
    const from = fresh();
    await fill(from, 1, 6);
    await exportPackage({ blocks: from.blocks, file: first, writeReference: reference, wallMs });
    await fill(from, 6, 8);
    const delta = await exportPackage({
      blocks: from.blocks,
      file: second,
      since: reference,
      writeReference: both,
      wallMs,
    });
    expect(delta).toMatchObject({ segments: 2, blocks: 2 * BLOCKS, skipped: 5 * BLOCKS });
    const to = fresh();
    for (const file of [first, second]) await importPackage({ file, ...to });
    await expectSame(to, 1, 8);
    const none = { blocks: from.blocks, file: join(directory, "3.bcpkg"), since: both, wallMs };
    expect(await exportPackage(none)).toMatchObject({ blocks: 0, segments: 0 });
    const odd = await exportPackage({ blocks: from.blocks, file: join(directory, "4"), tag: "odd", wallMs });
    expect(odd.segments).toBe(4);
    await expect(exportPackage({ ...none, since: first })).rejects.toMatchObject({
      code: "BC_PACKAGE_DAMAGED",
    });
  });

  it("is taken up where an interrupted export ended", async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, "a.bcpkg");
    const from = fresh();
    await fill(from, 1, 9);
    const controller = new AbortController();
    const interrupted = exportPackage({
      blocks: from.blocks,
      file,
      wallMs,
      signal: controller.signal,
      onProgress: ({ segments }) => segments === 3 && controller.abort(new Error("enough")),
    });
    await expect(interrupted).rejects.toThrow("enough");
    // A power cut leaves half a record.
    const part = await readFile(`${file}.part`);
    await writeFile(`${file}.part`, part.subarray(0, part.length - 100));
    const report = await exportPackage({ blocks: from.blocks, file, wallMs });
    expect(report).toMatchObject({ segments: 8, blocks: 8 * BLOCKS, resumed: 3 * BLOCKS - 1 });
    const to = fresh();
    expect(await importPackage({ file, ...to })).toMatchObject({ stored: 8 * BLOCKS, alreadyHeld: 0 });
    await expectSame(to, 1, 9);
  });

  it.each([
    ["with secrets, where none were to go along", { secrets: true }],
    ["of one tag only", { tag: "odd" }],
    ["without what a reference lists", { since: "1.ref" }],
  ])("is begun anew where the interrupted one was %s", async (_, { secrets, tag, since }: PartOf) => {
    const directory = await temporaryDirectory();
    const [file, reference] = [join(directory, "a.bcpkg"), join(directory, "1.ref")];
    const from = fresh();
    await fill(from, 1, 3);
    const { blocks } = from;
    await exportPackage({ blocks, file: join(directory, "1"), writeReference: reference, wallMs });
    await fill(from, 3, 9);
    const controller = new AbortController();
    const interrupted = exportPackage({
      blocks,
      file,
      wallMs,
      ...(secrets && { secrets: from.secrets }),
      ...(tag !== undefined && { tag }),
      ...(since !== undefined && { since: reference }),
      signal: controller.signal,
      onProgress: ({ segments }) => segments === 2 && controller.abort(new Error("enough")),
    });
    await expect(interrupted).rejects.toThrow("enough");
    const report = await exportPackage({ blocks, file, wallMs });
    expect(report).toMatchObject({ segments: 8, blocks: 8 * BLOCKS, resumed: 0 });
    const to = fresh();
    await importPackage({ file, ...to });
    expect(await to.secrets.get(segmentOf(3).id)).toBeUndefined();
  });

  it("is refused wherever it is cut or changed, tried at every third byte; what came before is taken", async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, "a.bcpkg");
    const from = fresh();
    const small = { ...segmentOf(1), lengthBytes: 32, blockSizeBytes: 16 };
    const block = { cipher: 0 as const, iv: new Uint8Array(0), data: new Uint8Array(16).fill(5) };
    for (const index of [0, 1]) await from.blocks.putBlock(small, index, block);
    await exportPackage({ blocks: from.blocks, file, wallMs });
    const bytes = await readFile(file);
    const bad = join(directory, "bad.bcpkg");
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x41;
      for (const content of [changed, bytes.subarray(0, at)]) {
        await writeFile(bad, content);
        const to = fresh();
        const failure = await importPackage({ file: bad, ...to }).then(
          () => "none",
          (error) => error.code,
        );
        expect(failure, `byte ${at}`).toBe("BC_PACKAGE_DAMAGED");
        for (const id of await collect(to.blocks.ids()))
          for (const index of (await to.blocks.heldBlocks(id)) ?? [])
            expect((await to.blocks.getBlock(id, index))?.data).toEqual(block.data);
      }
    }
  });

  it("says so when there is no room, and where there is no file", async () => {
    const file = join(await temporaryDirectory(), "a.bcpkg");
    const from = fresh();
    await fill(from, 1, 5);
    await exportPackage({ blocks: from.blocks, file, wallMs });
    const to = createMemoryStore({ limitBytes: 50_000, clock: manualClock() });
    await expect(importPackage({ file, ...to, pin: true })).rejects.toMatchObject({ code: "BC_STORE_FULL" });
    await expect(importPackage({ file: `${file}.not`, ...to })).rejects.toMatchObject({
      code: "BC_STORE_IO",
    });
  });
});

interface PartOf {
  readonly secrets?: boolean;
  readonly tag?: string;
  readonly since?: string;
}
