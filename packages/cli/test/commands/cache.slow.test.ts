import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { openRedisStore } from "@branchcache/cache-store/redis";
import { toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { command } from "../../../../test/support/commands.mjs";
import { startRedisCluster } from "../../../../test/support/redis-cluster.mjs";
import { requirement } from "../../../../test/support/requires.ts";
import { runCommand } from "../../../../test/support/run-command.ts";

const redis = requirement("redis-server");

// Each step starts a process.
vi.setConfig({ testTimeout: 300_000 });

async function run(...args: readonly string[]) {
  const ended = await runCommand(command("branchcache", ...args));
  return { ...ended, json: () => JSON.parse(ended.output) };
}

const idOf = (n: number) => new Uint8Array(32).fill(n);

const smallSegment = (n: number) => ({
  id: idOf(n),
  cipher: 0 as const,
  lengthBytes: 1000,
  blockSizeBytes: 1000,
  tags: [] as readonly string[],
  trust: "verified" as const,
});
const smallBlock = { cipher: 0 as const, iv: new Uint8Array(0), data: new Uint8Array(1000).fill(7) };

/** A cache with segments 1 to 3, the third pinned. */
async function filledCache(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "cache-command-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const stores = await openLmdbStore({ path: join(directory, "cache"), clock: systemClock });
  for (const n of [1, 2, 3]) {
    await stores.blocks.putBlock({ ...smallSegment(n), tags: n === 1 ? ["site"] : [] }, 0, smallBlock);
  }
  await stores.blocks.pin(idOf(3));
  await stores.blocks.getBlock(idOf(2), 0);
  await stores.close();
  return directory;
}

describe("branchcache cache", () => {
  it("shows, lists, keeps limits, and destroys only when told twice", async () => {
    const directory = await filledCache();
    const place = ["--cache-dir", join(directory, "cache")];
    const set = await run("cache", "set", ...place, "--max-size", "1MiB", "--max-age", "60d", "--json");
    expect(set.json()).toMatchObject({ limit_bytes: 2 ** 20, max_age_ms: 60 * 86_400_000 });
    const shown = (await run("cache", "show", ...place, "--json")).json();
    expect(shown).toMatchObject({
      bytes: 3000,
      limit_bytes: 2 ** 20,
      pinned_bytes: 1000,
      segments: { complete: 3, partial: 0 },
      hits: 1,
    });
    const list = (await run("cache", "list", ...place, "--sort", "hits", "--json")).json();
    expect(list.map(({ id }: { id: string }) => id.slice(0, 2)).slice(0, 1)).toEqual(["02"]);

    const refused = await run("cache", "clear", ...place);
    expect([refused.code, refused.complaint]).toEqual([2, expect.stringContaining("use --force")]);
    expect((await run("cache", "remove", ...place, "zz", "--force")).code).toBe(2);
    expect((await run("cache", "remove", ...place, toHex(idOf(9)), "--force")).code).toBe(1);
    expect(
      (await run("cache", "clear", ...place, "--tag", "site", "--force", "--json")).json(),
    ).toMatchObject({
      segments: 1,
    });
    expect((await run("cache", "clear", ...place, "--force", "--json")).json()).toMatchObject({
      segments: 1,
    });
    const after = (await run("cache", "show", ...place, "--json")).json();
    expect(after).toMatchObject({ bytes: 1000, gone: { flush: { segments: 2, bytes: 2000 } } });
    expect(after.latest.map(({ reason }: { reason: string }) => reason)).toEqual(["flush", "flush"]);
  });

  it("verifies, compacts, grows to another directory and moves", async () => {
    const directory = await filledCache();
    const place = ["--cache-dir", join(directory, "cache")];
    expect((await run("cache", "verify", ...place, "--json")).json()).toMatchObject({
      blocks: 3,
      damaged: [],
    });
    expect((await run("cache", "compact", ...place, "--json")).json().after_bytes).toBeGreaterThan(0);
    const more = join(directory, "more");
    expect((await run("cache", "add", more, ...place, "--max-size", "1MiB")).code).toBe(0);
    expect((await run("cache", "show", ...place, "--json")).json().directories).toEqual([place[1], more]);
    expect((await run("cache", "remove", ...place, "--dir", more, "--force")).code).toBe(0);
    const moved = join(directory, "moved");
    expect((await run("cache", "set", ...place, "--move-to", moved)).code).toBe(0);
    expect((await run("cache", "show", "--cache-dir", moved, "--json")).json()).toMatchObject({
      bytes: 3000,
      pinned_bytes: 1000,
    });
    expect((await run("cache", "set", ...place)).code).toBe(2);
  });

  it.skipIf(!redis.ok)("does on a live cluster what its servers leave to it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "cache-command-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const cluster = await startRedisCluster(redis.path);
    onTestFinished(() => cluster.close());
    const nodes = cluster.nodes.flatMap((node) => ["--redis-node", node]);
    const place = ["--cache-dir", join(directory, "cache"), "--redis-deadline", "10s", ...nodes];
    const stores = await openRedisStore({ nodes: cluster.nodes, clock: systemClock, deadlineMs: 10_000 });
    onTestFinished(() => stores.close());
    // Enough that every master has some.
    const segments = Array.from({ length: 24 }, (_, n) => n + 1);
    for (const n of segments) {
      const tags = n % 2 === 1 ? ["site"] : [];
      await stores.blocks.putBlock({ ...smallSegment(n), tags }, 0, smallBlock);
    }
    await stores.blocks.pin(idOf(2));
    await stores.blocks.getBlock(idOf(4), 0);
    await stores.blocks.flush();

    const shown = (await run("cache", "show", ...place, "--json")).json();
    expect(shown).toMatchObject({
      directories: cluster.nodes,
      bytes: 24_000,
      limit_bytes: null,
      segments: { complete: 24, partial: 0 },
      hits: 1,
    });
    const text = (await run("cache", "show", ...place)).output;
    expect(text).toMatch(/^Held {7}23.4 KiB$/m);
    expect(text).toMatch(/^Segments {3}24 complete, 0 partial$/m);
    const list = (await run("cache", "list", ...place, "--sort", "hits", "--json")).json();
    expect(list).toHaveLength(24);
    expect(list[0]).toMatchObject({ id: toHex(idOf(4)), hits: 1, trust: "verified" });
    expect((await run("cache", "verify", ...place, "--json")).json()).toMatchObject({
      segments: 24,
      blocks: 24,
      damaged: [],
    });

    const file = join(directory, "a.bcpkg");
    expect((await run("export", file, ...place, "--json")).json()).toMatchObject({ segments: 24 });
    const removed = await run(
      "cache",
      "remove",
      ...place,
      toHex(idOf(4)),
      toHex(idOf(6)),
      "--force",
      "--json",
    );
    expect(removed.json()).toMatchObject({ removed: 2 });
    const cleared = await run("cache", "clear", ...place, "--tag", "site", "--force", "--json");
    expect(cleared.json()).toMatchObject({ segments: 12 });
    const kept = await run("cache", "clear", ...place, "--force", "--json");
    expect(kept.json(), "the pinned one stays").toMatchObject({ segments: 9 });
    const after = (await run("cache", "show", ...place, "--json")).json();
    expect(after).toMatchObject({
      bytes: 1000,
      gone: { flush: { segments: 21, bytes: 21_000 }, removed: { segments: 2, bytes: 2000 } },
    });
    const taken = await run("import", file, ...place, "--trust", "--json");
    expect(taken.json()).toMatchObject({ stored: 23, already_held: 1, refused: 0 });

    const set = await run("cache", "set", ...place, "--max-age", "60d", "--json");
    expect(set.json()).toMatchObject({ limit_bytes: null, max_age_ms: 60 * 86_400_000 });
    expect((await stores.blocks.limits()).maxAgeMs).toBe(60 * 86_400_000);
    for (const command of [["compact"], ["add", directory], ["set", "--max-size", "1GiB"]]) {
      const { code, complaint } = await run("cache", ...command, ...place);
      expect([code, complaint], command[0]).toEqual([
        2,
        expect.stringContaining("whose own servers are set up for this"),
      ]);
    }
  });

  it("looks at the cluster, and at nothing on this machine, where the cache is there", async () => {
    const directory = await mkdtemp(join(tmpdir(), "cache-command-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const cluster = ["--cache-store", "redis", "--redis-node", "127.0.0.1:1"];
    const place = ["--cache-dir", join(directory, "cache"), ...cluster];
    for (const command of [["show"], ["list"], ["verify"], ["compact"]]) {
      const { code, complaint } = await run("cache", ...command, ...place);
      expect([code, complaint], command[0]).toEqual([
        1,
        expect.stringContaining("no cluster at 127.0.0.1:1"),
      ]);
    }
    await expect(access(join(directory, "cache", "data.mdb"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

it("branchcache export and import carry a cache to another, and a delta after it", async () => {
  const directory = await filledCache();
  const place = ["--cache-dir", join(directory, "cache")];
  const [file, reference] = [join(directory, "a.bcpkg"), join(directory, "a.bcref")];
  const made = await run("export", file, ...place, "--write-reference", reference, "--json");
  expect(made.json()).toMatchObject({ segments: 3, blocks: 3 });
  expect((await run("export", file, ...place)).code).toBe(2);
  const other = ["--cache-dir", join(directory, "other")];
  const taken = await run("import", file, ...other, "--trust", "--pin", "--tag", "preload", "--json");
  expect(taken.json()).toMatchObject({ stored: 3, already_held: 0, refused: 0 });
  const list = (await run("cache", "list", ...other, "--tag", "preload", "--json")).json();
  expect(list.map(({ trust, pins }: { trust: string; pins: number }) => [trust, pins])).toEqual(
    Array(3).fill(["verified", 1]),
  );
  const delta = await run("export", join(directory, "b.bcpkg"), ...place, "--since", reference, "--json");
  expect(delta.json()).toMatchObject({ segments: 0, skipped: 3 });
  expect((await run("import", reference, ...other)).complaint).toContain("BC_PACKAGE_DAMAGED");
});
