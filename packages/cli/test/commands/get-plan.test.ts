import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GetPlanOptions, planGet } from "../../src/commands/get/get-plan.ts";

const DIGEST = "ab".repeat(32);

describe("what get is to fetch", () => {
  let directory: string;
  const at = (name: string) => join(directory, name);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-plan-"));
    await mkdir(at("into"));
    await writeFile(at("there.bin"), "");
    await writeFile(at("urls"), "# of the week\nhttp://x/a.bin\n\n  http://x/b%20c.bin?key=1  \n");
    await writeFile(at("SUMS"), `${DIGEST}  a.bin\n${DIGEST.toUpperCase()} *images/b c.bin\n`);
    await writeFile(at("broken"), `${DIGEST}  a.bin\nnonsense\n`);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("names files after the URLs, in the directory named, with their digests", async () => {
    const options = { directory: at("into"), input: at("urls"), sha256Sums: at("SUMS") };
    expect(await planGet([], options)).toEqual([
      { url: "http://x/a.bin", target: at("into/a.bin"), sha256: DIGEST },
      { url: "http://x/b%20c.bin?key=1", target: at("into/b c.bin"), sha256: DIGEST },
    ]);
    const made = { directory: at("made/for/it") };
    expect(await planGet(["http://x/a.bin"], made)).toEqual([
      { url: "http://x/a.bin", target: at("made/for/it/a.bin"), sha256: undefined },
    ]);
    expect((await stat(made.directory)).isDirectory()).toBe(true);
    expect(await planGet(["http://x/"], { output: at("there.bin"), sha256: DIGEST })).toEqual([
      { url: "http://x/", target: at("there.bin"), sha256: DIGEST },
    ]);
  });

  const rows: readonly {
    readonly urls?: readonly string[];
    readonly options?: GetPlanOptions | (() => GetPlanOptions);
    readonly complaint: string;
  }[] = [
    { complaint: "no URL named" },
    { urls: ["nonsense"], complaint: "nonsense is no URL" },
    { urls: ["http://x/"], complaint: "the URL names no file: use -o FILE" },
    { urls: ["http://x/%2e%2e"], complaint: "the URL names no file" },
    { urls: ["http://x/a%2Fb"], complaint: "the URL names no file" },
    { urls: ["http://x/a", "http://y/a"], complaint: "two of the URLs would become a" },
    { urls: ["http://x/a", "http://x/b"], options: { output: "o" }, complaint: "--output names one file" },
    { urls: ["http://x/a", "http://x/b"], options: { sha256: DIGEST }, complaint: "--sha256 is of one file" },
    {
      urls: ["http://x/there.bin"],
      options: () => ({ directory }),
      complaint: "there.bin exists already: name it with -o to overwrite it",
    },
    {
      urls: ["http://x/a"],
      options: () => ({ directory: at("there.bin") }),
      complaint: "--directory: cannot make ",
    },
    { options: () => ({ input: at("nowhere") }), complaint: "--input: ENOENT" },
    {
      urls: ["http://x/d.bin"],
      options: () => ({ sha256Sums: at("SUMS") }),
      complaint: "SUMS has no digest of d.bin",
    },
    {
      urls: ["http://x/a.bin"],
      options: () => ({ sha256Sums: at("broken") }),
      complaint: "broken, line 2: not a line as sha256sum writes it",
    },
  ];
  it.each(rows)("refuses: $complaint", async ({ urls = [], options = {}, complaint }) => {
    await expect(planGet(urls, typeof options === "function" ? options() : options)).rejects.toMatchObject({
      code: "BC_USAGE",
      message: expect.stringContaining(complaint),
    });
  });
});
