import { chmod, mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "@branchcache/runtime";
import { recordingObserver } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { collect, openStores } from "../helpers/temporary.ts";

describe("openLmdbStore", () => {
  it("finds all of it again: blocks, records, pins, order of use, secrets, publications", async () => {
    const path = await temporaryDirectory();
    const first = await openStores(path, { limitBytes: 4 * SEALED_BYTES });
    const tagged = { ...segmentOf(1), tags: ["a"], hashOfData: new Uint8Array(32).fill(3), secretRef: "s" };
    await first.blocks.putBlock(tagged, 1, sealedBlock(1, 1));
    await first.blocks.putBlock({ ...segmentOf(2), trust: "blind" }, 0, sealedBlock(2, 0));
    await first.blocks.putBlock(segmentOf(3), 0, sealedBlock(3, 0));
    await first.blocks.pin(segmentOf(1).id);
    await first.secrets.put(segmentOf(1).id, new Uint8Array(32).fill(7));
    const entry = { validator: "v", sizeBytes: 9, publications: [new Uint8Array(5).fill(1)], createdMs: 1 };
    await first.publications.put("/file", entry);
    const usage = await first.blocks.usage();
    await first.close();

    const second = await openStores(path, { limitBytes: 4 * SEALED_BYTES });
    expect(await second.blocks.usage()).toEqual(usage);
    expect(usage.bytes).toBe(3 * SEALED_BYTES);
    expect(await second.blocks.segment(tagged.id)).toEqual({
      ...tagged,
      createdMs: 1_700_000_000_000,
      pins: 1,
    });
    expect(await second.blocks.getBlock(tagged.id, 1)).toEqual({
      ...sealedBlock(1, 1),
      trust: "verified",
      nextBlockIndex: 0,
    });
    expect((await second.blocks.getBlock(segmentOf(2).id, 0))?.trust).toBe("blind");
    expect(await second.secrets.get(segmentOf(1).id)).toEqual(new Uint8Array(32).fill(7));
    expect(await second.publications.get("/file")).toEqual(entry);
    expect(await collect(second.publications.keys())).toEqual(["/file"]);

    for (const n of [4, 5]) await second.blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0));
    await second.blocks.flush();
    const held = await second.blocks.holds([1, 2, 3, 4, 5].map((n) => segmentOf(n).id));
    expect(held.map((segment) => segment !== undefined)).toEqual([true, true, false, true, true]);
  });

  it("says at flush, once, that blocks could not be written, and goes on when they can", async () => {
    const path = await temporaryDirectory();
    const observer = recordingObserver();
    const { blocks } = await openStores(path, { observer });
    await rm(join(path, "blocks"), { recursive: true });
    for (let n = 0; n < 3; n++) await blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0));
    await expect(blocks.flush()).rejects.toMatchObject({ code: "BC_STORE_IO", path });
    await blocks.flush();
    expect(observer.named("cache.save_failed")).toMatchObject([
      { level: "error", fields: { path, reason: expect.stringContaining("ENOENT") } },
    ]);
    expect(await blocks.usage()).toMatchObject({ bytes: 0, segments: { complete: 0, partial: 0 } });
    await mkdir(join(path, "blocks"));
    for (let n = 0; n < 3; n++)
      expect(await blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0))).toBe("stored");
    await blocks.flush();
    expect((await blocks.getBlock(segmentOf(2).id, 0))?.data).toEqual(sealedBlock(2, 0).data);
  });

  it("finds facts again whatever their size, and when they have grown or shrunk", async () => {
    const path = await temporaryDirectory();
    const tags = (count: number) => Array.from({ length: count }, (_, i) => `tag ${i}`);
    const blockHashes = new Uint8Array(BLOCKS * 32).fill(9);
    const first = await openStores(path);
    for (const n of [1, 2])
      await first.blocks.putBlock({ ...segmentOf(n), tags: ["small"] }, 0, sealedBlock(n, 0));
    await first.blocks.putBlock({ ...segmentOf(3), tags: tags(200), blockHashes }, 0, sealedBlock(3, 0));
    await first.close();
    const second = await openStores(path);
    await second.blocks.putBlock({ ...segmentOf(1), tags: tags(200), blockHashes }, 1, sealedBlock(1, 1));
    for (const tag of tags(199)) await second.blocks.removeAll({ tag, shared: false });
    await second.close();
    const third = await openStores(path);
    const found = await Promise.all([1, 2, 3].map((n) => third.blocks.segment(segmentOf(n).id)));
    expect(found.map((segment) => segment?.tags)).toEqual([["small", "tag 199"], ["small"], ["tag 199"]]);
    expect(found.map((segment) => segment?.blockHashes)).toEqual([blockHashes, undefined, blockHashes]);
    await third.blocks.removeSegment(segmentOf(3).id);
    await third.blocks.putBlock(segmentOf(3), 2, sealedBlock(3, 2));
    expect(await third.blocks.segment(segmentOf(3).id)).toMatchObject({ tags: [], trust: "verified" });
    expect((await third.blocks.segment(segmentOf(3).id))?.blockHashes).toBeUndefined();
  });

  it("writes what is queued when it is closed", async () => {
    const path = await temporaryDirectory();
    const first = await openStores(path);
    const puts = Array.from({ length: 50 }, (_, n) =>
      first.blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0)),
    );
    await first.close();
    await Promise.all(puts);
    const second = await openStores(path);
    expect((await second.blocks.usage()).bytes).toBe(50 * SEALED_BYTES);
  });

  it("evicts down to a smaller limit when it is opened with one", async () => {
    const path = await temporaryDirectory();
    const first = await openStores(path);
    for (const n of [1, 2, 3, 4]) await first.blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0));
    await first.blocks.pin(segmentOf(1).id);
    await first.close();
    const second = await openStores(path, { limitBytes: 2 * SEALED_BYTES });
    expect((await second.blocks.usage()).bytes).toBe(2 * SEALED_BYTES);
    const held = await second.blocks.holds([1, 2, 3, 4].map((n) => segmentOf(n).id));
    expect(held.map((segment) => segment !== undefined)).toEqual([true, false, false, true]);
  });

  it("may be opened twice in one process", async () => {
    const path = await temporaryDirectory();
    const [a, b] = [await openStores(path), await openStores(path)];
    await a.blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0));
    await a.blocks.flush();
    await b.blocks.putBlock(segmentOf(1), 1, sealedBlock(1, 1));
    await b.blocks.flush();
    await a.close();
    expect(await b.blocks.heldBlocks(segmentOf(1).id)).toEqual([0, 1]);
    expect((await b.blocks.usage()).bytes).toBe(2 * SEALED_BYTES);
  });

  it("lets writers wait while too much is queued, and stores all of it", async () => {
    const path = await temporaryDirectory();
    const { blocks } = await openStores(path, { limitBytes: 2e9 });
    const large = {
      ...segmentOf(1),
      lengthBytes: 40 * 2 ** 20,
      blockSizeBytes: 2 ** 20,
    };
    const data = new Uint8Array(2 ** 20 + 16).fill(5);
    let resolved = 0;
    const puts = Array.from({ length: 40 }, (_, index) =>
      blocks.putBlock(large, index, { cipher: 1, iv: new Uint8Array(16), data }).then(() => resolved++),
    );
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(resolved, "32 MiB may be queued").toBe(31);
    await Promise.all(puts);
    expect(await blocks.heldBlocks(large.id)).toHaveLength(40);
  });

  it("reports bytes and segments as gauges", async () => {
    const observer = recordingObserver();
    const { blocks } = await openStores(await temporaryDirectory(), { limitBytes: 1e6, observer });
    expect(observer.last("cache_limit_bytes", { cache: "data" })).toBe(1e6);
    for (const index of [0, 1, 2, 3]) await blocks.putBlock(segmentOf(1), index, sealedBlock(1, index));
    await blocks.putBlock(segmentOf(2), 0, sealedBlock(2, 0));
    await blocks.flush();
    expect(observer.last("cache_bytes", { cache: "data" })).toBe(5 * SEALED_BYTES);
    expect(observer.last("cache_segments", { state: "complete" })).toBe(1);
    expect(observer.last("cache_segments", { state: "partial" })).toBe(1);
  });

  it("refuses a limit that is none", async () => {
    const path = await temporaryDirectory();
    for (const limitBytes of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const failure = await openStores(path, { limitBytes }).catch(errorCode);
      expect(failure, String(limitBytes)).toBe("BC_STORE_INVALID");
    }
  });
});

describe("secrets", () => {
  it("lie where they are told to, for the owner's eyes only, even where files and directory were wider", async () => {
    const base = await temporaryDirectory();
    const [path, secretsPath] = [join(base, "cache"), join(base, "keys", "here")];
    const first = await openStores(path, { secretsPath });
    await first.secrets.put(segmentOf(1).id, new Uint8Array(32).fill(7));
    await first.close();
    for (const name of ["data.mdb", "lock.mdb"]) await chmod(join(secretsPath, name), 0o666);
    await chmod(secretsPath, 0o755);

    const second = await openStores(path, { secretsPath });
    expect(await second.secrets.get(segmentOf(1).id)).toEqual(new Uint8Array(32).fill(7));
    const modes = await Promise.all(
      [secretsPath, join(secretsPath, "data.mdb"), join(secretsPath, "lock.mdb")].map((file) => stat(file)),
    );
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o600, 0o600]);
  });

  it("are never in the cache's own files", async () => {
    const base = await temporaryDirectory();
    await mkdir(join(base, "keys"));
    const { secrets, blocks, close } = await openStores(join(base, "cache"), {
      secretsPath: join(base, "keys"),
    });
    const secret = Buffer.from("a secret of thirty-two bytes ..!");
    await secrets.put(segmentOf(1).id, secret);
    await blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0));
    await close();
    expect((await readFile(join(base, "keys", "data.mdb"))).includes(secret)).toBe(true);
    expect((await readFile(join(base, "cache", "data.mdb"))).includes(secret)).toBe(false);
  });
});
