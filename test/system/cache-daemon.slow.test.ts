/** `branchcache cache` while the daemon runs: through it, so that both agree at once; and alone when it does not. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

const LENGTH = 2_000_000;

describe("the cache of a daemon that runs", () => {
  let daemon: TestDaemon;
  let download: () => Promise<void>;
  const json = async (...args: readonly string[]) => {
    const ended = await daemon.run(...args, "--json");
    expect(ended, `${args.join(" ")}: ${ended.complaint}`).toMatchObject({ code: 0 });
    return JSON.parse(ended.output);
  };
  const status = async () => (await json("status")).cache.data;

  beforeAll(async () => {
    daemon = await startDaemon({ settings: { mode: "local", cache: { data: { max_bytes: "1GiB" } } } });
    const root = join(daemon.directory, "www");
    await mkdir(root);
    await writeFile(join(root, "a.bin"), seededRandom(51).bytes(LENGTH));
    expect(await daemon.run("publish", join(root, "a.bin"), "--quiet")).toMatchObject({ code: 0 });
    for (const setting of [`root ${root}`, "listen 127.0.0.1:0", "enabled true"]) {
      await daemon.run("config", "set", ...`content_server.${setting}`.split(" "));
    }
    const { url } = await json("status", "content-server");
    download = async () => {
      const ended = await daemon.run("get", `${url}a.bin`, "-o", join(daemon.directory, "got"), "--quiet");
      expect(ended).toMatchObject({ code: 0, complaint: "" });
    };
    await download();
  });
  afterAll(() => daemon?.[Symbol.asyncDispose]());

  it("is shown and listed as the daemon has it", async () => {
    const shown = await json("cache", "show");
    const { active_bytes: bytes, segments } = await status();
    expect(shown).toMatchObject({ directories: [join(daemon.directory, "cache")], bytes, segments });
    expect(bytes).toBeGreaterThan(LENGTH);
    const listed = await json("cache", "list");
    expect(listed).toHaveLength(segments.complete);
    expect(listed[0]).toMatchObject({ trust: "verified", id: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await json("cache", "verify")).toMatchObject({ segments: segments.complete, damaged: [] });
  });

  it("follows at once what is set, added and removed", async () => {
    expect(await json("cache", "set", "--max-size", "2GiB")).toMatchObject({ limit_bytes: 2 ** 31 });
    expect(
      await daemon.run("cache", "set", "--max-size", "2GiB"),
      "the configuration says 1GiB",
    ).toMatchObject({
      code: 0,
      complaint: expect.stringMatching(/holds again when the daemon starts.*config set cache.data.max_bytes/),
    });
    expect((await status()).max_bytes).toBe(2 ** 31);
    const more = join(daemon.directory, "more");
    expect(await json("cache", "add", more, "--max-size", "1GiB")).toMatchObject({ added: more });
    expect(await status()).toMatchObject({ extensions: [more], max_bytes: 3 * 2 ** 30 });
    expect(await json("cache", "remove", "--dir", more, "--force")).toMatchObject({ directory: more });
    expect(await status()).toMatchObject({ extensions: [], max_bytes: 2 ** 31 });
    const [{ id }] = await json("cache", "list");
    const before = (await status()).segments.complete;
    expect(await json("cache", "remove", id, "--force")).toMatchObject({ removed: 1 });
    expect((await status()).segments.complete).toBe(before - 1);
    expect(await daemon.run("cache", "remove", id, "--force")).toMatchObject({
      code: 1,
      complaint: expect.stringContaining("BC_NOT_HELD"),
    });
  });

  it("is exported and imported beside the daemon, whose limit holds", async () => {
    await download();
    const file = join(daemon.directory, "all.bcpkg");
    const { blocks } = await json("export", file);
    expect(await json("cache", "set", "--max-size", "1MiB")).toMatchObject({ limit_bytes: 2 ** 20 });
    expect(await json("import", file, "--trust")).toMatchObject({ refused: 0 });
    const { bytes, segments } = await json("cache", "show");
    expect(bytes).toBeLessThanOrEqual(2 ** 20);
    expect(segments.complete).toBeGreaterThan(0);
    await json("cache", "set", "--max-size", "2GiB");
    const { stored, already_held: held } = await json("import", file, "--trust");
    expect(stored + held).toBe(blocks);
    expect((await status()).segments.complete, "the daemon sees them at once").toBe(blocks);
    expect(await daemon.run("import", file), "what has no secret here").toMatchObject({
      code: 0,
      output: expect.stringContaining("only a hosted cache gives on"),
    });
  });

  it("is cleared and compacted under the daemon, which goes on", async () => {
    const { hashes } = await json("cache", "show");
    expect(hashes.entries).toBe(1);
    expect(await json("cache", "clear", "--hashes", "--force")).toMatchObject({ hashes: 1 });
    expect(await status()).toMatchObject({ active_bytes: 0 });
    const { before_bytes: before, after_bytes: after } = await json("cache", "compact");
    expect(after).toBeLessThanOrEqual(before);
    await download();
    expect(await daemon.run("cache", "clear")).toMatchObject({
      code: 2,
      complaint: expect.stringContaining("nobody to ask, use --force"),
    });
  });

  it("is not moved from under it", async () => {
    const moved = await daemon.run("cache", "set", "--move-to", join(daemon.directory, "elsewhere"));
    expect(moved.code).toBe(1);
    expect(moved.complaint).toContain("the daemon uses this cache: stop it, move the cache");
    expect(moved.complaint).toContain("BC_DAEMON_RUNS");
  });

  it("is no matter of the daemon where it is another one, and open to the command alone when no daemon runs", async () => {
    const other = join(daemon.directory, "other");
    expect(await json("cache", "show", "--cache-dir", other)).toMatchObject({
      directories: [other],
      bytes: 0,
    });
    await daemon.process.stop();
    expect((await json("cache", "show")).limit_bytes).toBe(2 ** 31);
    const place = join(daemon.directory, "elsewhere");
    expect(await json("cache", "set", "--move-to", place)).toMatchObject({ directory: place });
    expect(await json("cache", "show", "--cache-dir", place)).toMatchObject({ directories: [place] });
  });
});
