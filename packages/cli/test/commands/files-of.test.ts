import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { filesOf } from "../../src/commands/publish/files-of.ts";

it("files below a directory go on after one that cannot be looked into, which is told of", async () => {
  const directory = await mkdtemp(join(tmpdir(), "branchcache-files-"));
  try {
    for (const name of ["b", "c"]) await mkdir(join(directory, name));
    for (const name of ["a", "b/hidden", "c/last"]) await writeFile(join(directory, name), "x");
    const found: unknown[] = [];
    for await (const { nameBelow, unreadable } of filesOf([directory], true)) {
      found.push(unreadable === undefined ? nameBelow : [nameBelow, unreadable]);
      // Root may look into anything: a directory that has gone cannot be looked into by anybody.
      if (nameBelow === "a") await rm(join(directory, "b"), { recursive: true });
    }
    expect(found).toEqual(["a", ["b/", expect.stringContaining("ENOENT")], "c/last"]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
