import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@branchcache/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadServerSecret } from "../../src/files/secret-file.ts";

describe("the secret file", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-secret-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it("PCCRC-1 is made at first use, for its owner only, and stays the same", async () => {
    const path = join(directory, "deep", "secret");
    const first = await loadServerSecret(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const second = await loadServerSecret(path);
    expect(toHex(second.reveal())).toBe(toHex(first.reveal()));
    expect(first.reveal()).toHaveLength(32);
  });

  it("is made once when two start together", async () => {
    const path = join(directory, "secret");
    const both = await Promise.all([loadServerSecret(path), loadServerSecret(path)]);
    const kept = await readFile(path, "hex");
    expect(both.map((secret) => toHex(secret.reveal()))).toEqual([kept, kept]);
  });

  it.each([
    { name: "read by others", content: "x", mode: 0o644, complaint: "chmod 600" },
    { name: "empty", content: "", mode: 0o600, complaint: "is empty" },
  ])("is refused when $name, without its content in the message", async ({ content, mode, complaint }) => {
    const path = join(directory, "secret");
    await writeFile(path, content);
    await chmod(path, mode);
    await expect(loadServerSecret(path)).rejects.toMatchObject({
      code: "BC_SECRET_FILE",
      message: expect.stringContaining(complaint),
    });
  });
});
