import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { recordingObserver, seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { inspectDataFile } from "../../src/lmdb/surroundings.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { startWriter } from "../helpers/processes.ts";
import { openStores } from "../helpers/temporary.ts";
import { overwrite, PAGE_BYTES, treePages } from "../helpers/tree-pages.ts";

const SEGMENTS = 6;

/** A closed store with some segments in it; the path. */
async function filledStore(): Promise<string> {
  const path = await temporaryDirectory();
  const { blocks, secrets, close } = await openStores(path);
  for (let n = 0; n < SEGMENTS; n++) {
    for (let index = 0; index < BLOCKS; index++)
      await blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
    await secrets.put(segmentOf(n).id, new Uint8Array(32).fill(n));
  }
  await close();
  return path;
}

async function expectFreshStart(path: string, place: string): Promise<void> {
  const observer = recordingObserver();
  const stores = await openStores(path, { observer });
  const events = observer.named("cache.corrupt");
  expect(events.map(({ level, fields }) => [level, fields["path"]])).toEqual([["error", place]]);
  const aside = (await readdir(place)).filter((name) => name.startsWith("data.mdb."));
  expect(aside).toEqual(["data.mdb.corrupt-1700000000000"]);
  expect(await stores.blocks.putBlock(segmentOf(99), 0, sealedBlock(99, 0))).toBe("stored");
  await stores.secrets.put(segmentOf(99).id, new Uint8Array(32));
  await stores.close();

  const again = recordingObserver();
  const reopened = await openStores(path, { observer: again });
  expect(again.named("cache.corrupt")).toEqual([]);
  expect((await reopened.blocks.getBlock(segmentOf(99).id, 0))?.data).toEqual(sealedBlock(99, 0).data);
}

describe("a damaged data file is moved aside, and a fresh store begun", () => {
  it.each([
    ["text", new TextEncoder().encode("this is no database, ".repeat(1000))],
    ["zeros", new Uint8Array(20_000)],
    ["one byte", Uint8Array.of(1)],
  ])("%s instead", async (_what, bytes) => {
    const path = await filledStore();
    await writeFile(join(path, "data.mdb"), bytes);
    await expectFreshStart(path, path);
    expect((await readFile(join(path, "data.mdb.corrupt-1700000000000"))).equals(bytes)).toBe(true);
  });

  it.each([100, 8192, 0.3, 0.5])("cut off at %d (bytes, or part of the whole)", async (at) => {
    const path = await filledStore();
    const { size } = await stat(join(path, "data.mdb"));
    await truncate(join(path, "data.mdb"), at < 1 ? Math.floor(size * at) : at);
    await expectFreshStart(path, path);
  });

  it("the magic number of the second meta page is gone", async () => {
    const path = await filledStore();
    await overwrite(join(path, "data.mdb"), 4096 + 24, new Uint8Array(4));
    await expectFreshStart(path, path);
  });

  it("the roots of its trees are nowhere", async () => {
    const path = await filledStore();
    const nowhere = new Uint8Array(8).fill(0x7f);
    const rootOfMain = 24 + 24 + 48 + 40;
    for (const page of [0, 1]) await overwrite(join(path, "data.mdb"), page * 4096 + rootOfMain, nowhere);
    await expectFreshStart(path, path);
  });

  it("the secrets only: the blocks stay", async () => {
    const path = await filledStore();
    await writeFile(join(path, "secrets", "data.mdb"), "no database");
    await expectFreshStart(path, join(path, "secrets"));
    const { blocks, secrets } = await openStores(path);
    expect(await blocks.heldBlocks(segmentOf(1).id)).toEqual([0, 1, 2, 3]);
    expect(await secrets.get(segmentOf(1).id)).toBeUndefined();
  });

  it("what lacks only free pages at its end is no damage", async () => {
    const path = await filledStore();
    const file = join(path, "data.mdb");
    const { publications, close } = await openStores(path);
    const entry = { validator: "v", sizeBytes: 9, createdMs: 1 };
    await publications.put("/large", { ...entry, publications: [new Uint8Array(100_000)] });
    const { size } = await stat(file);
    await publications.delete("/large");
    await publications.put("/small", { ...entry, publications: [] });
    await close();
    await truncate(file, size - 2 * 4096);
    expect(await inspectDataFile(path)).toEqual({ kind: "short" });
    const observer = recordingObserver();
    const { blocks } = await openStores(path, { observer });
    expect(observer.named("cache.corrupt")).toEqual([]);
    expect((await blocks.getBlock(segmentOf(0).id, 3))?.data).toEqual(sealedBlock(0, 3).data);
  });

  it("an empty file is no damage", async () => {
    const path = await temporaryDirectory();
    await writeFile(join(path, "data.mdb"), "");
    const observer = recordingObserver();
    const { blocks } = await openStores(path, { observer });
    expect(await blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0))).toBe("stored");
    expect(observer.named("cache.corrupt")).toEqual([]);
  });
});

describe("a damaged block", () => {
  it.each([
    [
      "in its ciphertext",
      (block: Uint8Array, file: Uint8Array) => indexOf(file, block.subarray(0, 64)) + 5000,
      [0, 2, 3],
    ],
    [
      "in its first byte",
      (block: Uint8Array, file: Uint8Array) => indexOf(file, block.subarray(0, 64)),
      [0, 2, 3],
    ],
    [
      "in its cipher",
      (block: Uint8Array, file: Uint8Array) => indexOf(file, block.subarray(0, 64)) - 24,
      [0, 2, 3],
    ],
    [
      "in its checksum",
      (block: Uint8Array, file: Uint8Array) => indexOf(file, block.subarray(0, 64)) - 20,
      [0, 2, 3],
    ],
  ])("%s is noticed, never served, dropped and counted", async (_where, offsetOf, left) => {
    const path = await filledStore();
    const file = blockFile(path);
    const offset = offsetOf(sealedBlock(2, 1).data, await readFile(file));
    await overwrite(file, offset, Uint8Array.of(0xaa));

    const observer = recordingObserver();
    const { blocks } = await openStores(path, { observer });
    expect(await blocks.heldBlocks(segmentOf(2).id)).toEqual([0, 1, 2, 3]);
    // Who verifies himself may have it unchecked, and nothing is dropped for that.
    const unchecked = await blocks.getBlock(segmentOf(2).id, 1, { checked: false });
    expect(unchecked?.data).toHaveLength(sealedBlock(2, 1).data.length);
    expect(await blocks.heldBlocks(segmentOf(2).id)).toEqual([0, 1, 2, 3]);
    expect(await blocks.getBlock(segmentOf(2).id, 1)).toBeUndefined();
    expect(await blocks.heldBlocks(segmentOf(2).id)).toEqual(left);
    expect(observer.total("cache_evictions_total", { reason: "corrupt" })).toBe(1);
    expect(observer.named("cache.corrupt")).toHaveLength(1);
    expect(await blocks.usage()).toEqual({
      bytes: (SEGMENTS * BLOCKS - 1) * SEALED_BYTES,
      limitBytes: 100_000_000,
      segments: { complete: SEGMENTS - 1, partial: 1 },
    });
    expect(await blocks.putBlock(segmentOf(2), 1, sealedBlock(2, 1))).toBe("stored");
    expect((await blocks.getBlock(segmentOf(2).id, 1))?.data).toEqual(sealedBlock(2, 1).data);
  });

  it("takes its segment along if it was the only one", async () => {
    const path = await temporaryDirectory();
    const first = await openStores(path);
    await first.blocks.putBlock(segmentOf(1), 3, sealedBlock(1, 3));
    await first.close();
    const file = blockFile(path);
    await overwrite(
      file,
      indexOf(await readFile(file), sealedBlock(1, 3).data.subarray(0, 64)) + 9,
      Uint8Array.of(0xaa),
    );
    const { blocks } = await openStores(path);
    expect(await blocks.withBlock(segmentOf(1).id, 3, () => "served")).toBeUndefined();
    expect(await blocks.segment(segmentOf(1).id)).toBeUndefined();
    expect((await blocks.usage()).bytes).toBe(0);
  });
});

it("a copy of the files is a store", async () => {
  const [path, copy] = [await filledStore(), await temporaryDirectory()];
  await cp(path, copy, { recursive: true });
  const { blocks } = await openStores(copy);
  expect((await blocks.getBlock(segmentOf(5).id, 3))?.data).toEqual(sealedBlock(5, 3).data);
});

describe("damaged tree pages", () => {
  const READER = fileURLToPath(new URL("../helpers/reader-process.mjs", import.meta.url));
  /** Exit code or signal, and what it told. */
  async function readAll(...args: readonly string[]) {
    const child = spawn(process.execPath, [READER, ...args], { stdio: ["ignore", "pipe", "ignore"] });
    let told = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    const [code, signal] = await once(child, "close");
    return { end: signal ?? code, told: told.trim().split("\n") };
  }
  const noise = (seed: number) => seededRandom(seed).bytes(PAGE_BYTES);

  it("in the middle, after a writer was killed: found before anything is read, set aside, served from an empty store", async () => {
    const path = await temporaryDirectory();
    const writer = startWriter([path, 1e8, 0, "forever"], (line, { process }) => {
      if (line === "flushed 31") process.kill("SIGKILL");
    });
    expect(await writer.ended).toBe("SIGKILL");
    const sound = await readFile(join(path, "data.mdb"));
    expect((await readAll(path)).told.at(-1), "as long as nothing is damaged").toMatch(/^read \d{3}$/);
    const killed = startWriter([path, 1e8, 1000, "forever"], (_line, { process }) => process.kill("SIGKILL"));
    expect(await killed.ended).toBe("SIGKILL");
    await writeFile(join(path, "data.mdb"), sound);
    for (const page of treePages(sound))
      await overwrite(join(path, "data.mdb"), page * PAGE_BYTES, noise(page));
    expect(await readAll(path)).toEqual({ end: 0, told: ["event cache.corrupt", "read 0"] });
    expect((await readdir(path)).filter((name) => name.startsWith("data.mdb.corrupt-"))).toHaveLength(1);
    expect(await readAll(path)).toEqual({ end: 0, told: ["read 0"] });
  });

  it("under a process that has them open: whether it dies of them or closes, the next opening finds them", async () => {
    const path = await filledStore();
    expect((await readAll(path, "zero")).told.at(-1)).not.toMatch(/^read/);
    expect(await readAll(path)).toEqual({ end: 0, told: ["event cache.corrupt", "read 0"] });
  });
});

function blockFile(path: string): string {
  return join(path, "blocks", "00000001.blocks");
}

function indexOf(file: Uint8Array, bytes: Uint8Array): number {
  const at = Buffer.from(file.buffer, file.byteOffset, file.length).indexOf(bytes);
  if (at < 0) throw new Error("the block is not in the file");
  return at;
}
