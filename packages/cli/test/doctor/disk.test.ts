import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { checkCacheDisk } from "../../src/doctor/disk.ts";

const GIB = 2 ** 30;

describe("doctor about the room of the cache", () => {
  const check = (use: Partial<Parameters<typeof checkCacheDisk>[1]>, path = tmpdir()) =>
    checkCacheDisk(path, { bytes: 0, limitBytes: GIB, diskBytes: 0, ...use });

  it("is content where there is room", async () => {
    const full = { bytes: GIB, diskBytes: GIB };
    expect(await check(full)).toMatchObject([{ check: "disk", result: "good" }]);
  });

  it("tells of a volume that is smaller than what the cache may become, and of a limit that fits", async () => {
    const [found] = await check({ limitBytes: 2 ** 60 });
    expect(found).toMatchObject({ check: "disk", result: "bad" });
    expect(found?.cure).toMatch(/^free room, or branchcache config set cache\.data\.max_bytes \d+[GM]iB$/);
  });

  it("advises to compact what takes more than it may hold, and not for what comes on top of blocks", async () => {
    const [, found, ...others] = await check({ bytes: GIB, diskBytes: 2 * GIB });
    expect(found).toEqual({
      check: "disk",
      result: "bad",
      text: "the cache takes 2 GiB of its volume, and may hold 1 GiB",
      cure: "branchcache cache compact",
      event: "cache.compact_advised",
    });
    expect(others).toEqual([]);
    expect(await check({ bytes: GIB, diskBytes: 1.2 * GIB })).toHaveLength(1);
  });

  it("tells of a cache that is too small to matter", async () => {
    const [, found] = await check({ bytes: 2 ** 20, limitBytes: 2 ** 20 });
    expect(found).toMatchObject({ check: "cache size", result: "bad" });
  });

  it("says where it cannot look", async () => {
    const [found] = await check({}, "/no/such/place");
    expect(found).toMatchObject({ result: "unknown", text: expect.stringContaining("/no/such/place") });
  });
});
