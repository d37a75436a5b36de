import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { writeWhole } from "../../src/files/whole-file.ts";

describe("a file that is written whole", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });

  it.each([
    ["its owner's only", undefined, 0o600],
    ["what it is told to be, whatever the umask", 0o664, 0o664],
  ])("is %s", async (_, mode, expected) => {
    const path = join(directory, "file");
    await writeWhole(path, "content", mode === undefined ? {} : { mode });
    expect(await readFile(path, "utf8")).toBe("content");
    expect((await stat(path)).mode & 0o777).toBe(expected);
    expect(await readdir(directory)).toEqual(["file"]);
  });

  it("takes the place of another, with its own permissions", async () => {
    const path = join(directory, "file");
    await writeFile(path, "before, and longer");
    await chmod(path, 0o644);
    await writeWhole(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(["file"]);
  });

  it.each([
    [
      "a file where a new one is wanted",
      "EEXIST",
      (path: string) => writeFile(path, "before"),
      { isNew: true },
    ],
    ["a directory", "EISDIR", (path: string) => mkdir(path), {}],
  ])("does not take the place of %s, and leaves nothing behind", async (_, code, make, options) => {
    const path = join(directory, "file");
    await make(path);
    await expect(writeWhole(path, "content", options)).rejects.toMatchObject({ code });
    expect(await readdir(directory)).toEqual(["file"]);
  });
});
