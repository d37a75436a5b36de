/** The command as it is typed: its exit codes, its formats, its lists. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "./support/command.ts";
import { type HeldContent, heldContent } from "./support/held-content.ts";

let held: HeldContent;
let folder: string;
let information: string;
beforeAll(async () => {
  held = await heldContent(1);
  folder = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
  information = join(folder, "content.ci");
  await writeFile(information, held.bytes);
});
afterAll(async () => {
  await held[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe("branchcache-conformance", () => {
  const target = () => `127.0.0.1:${held.server.port}`;

  it("finds our node conforming: one line for each check, the sums, and 0", async () => {
    const { output, complaint, code } = await command(
      "retrieval-server",
      target(),
      "--information",
      information,
      "--seed",
      "5",
    );
    expect(complaint).toBe("");
    expect(output).toMatch(/^ok {3}block \(MUST PCCRR-3 .*\): gives a block/m);
    expect(output).toMatch(/^MUST: \d+ passed, 0 failed, 0 inconclusive, 3 skipped$/m);
    expect(output).toContain("conforms to [MS-PCCRR] Retrieval Protocol, server (seed 5)");
    expect(code).toBe(0);
  });

  it("writes the report to a file, and its sums to standard error", async () => {
    const file = join(folder, "report.json");
    const { output, complaint, code } = await command(
      "retrieval-server",
      target(),
      ...["--information", information, "--only", "PCCRR-54", "stateless"],
      ...["--format", "json", "--output", file, "--level", "SHOULD"],
    );
    expect({ output, code }).toEqual({ output: "", code: 0 });
    expect(complaint).toContain("conforms");
    const report = JSON.parse(await readFile(file, "utf8"));
    expect(report).toMatchObject({ conforms: true, must: { pass: 3, fail: 0 } });
    expect(report.results.map(({ id }: { id: string }) => id)).toEqual([
      "next-block-index",
      "block-list-intersection",
      "stateless",
    ]);
  });

  it("returns 3 when nobody answers", async () => {
    const { complaint, code } = await command(
      "retrieval-server",
      "127.0.0.1:1",
      "--information",
      information,
    );
    expect(complaint).toContain("BC_CONFORMANCE_UNREACHABLE");
    expect(code).toBe(3);
  });

  it("lists its checks without a target", async () => {
    const { output, code } = await command("retrieval-server", "--list", "--only", "PCCRR-54");
    expect(output.split("\n").filter(Boolean)).toHaveLength(2);
    expect(code).toBe(0);
  });

  it.each([
    [["retrieval-server", "nowhere"], "no host and port"],
    [["no-such-profile"], "unknown command"],
  ])("returns 2 for %j", async (args, message) => {
    const { complaint, code } = await command(...args);
    expect(complaint).toContain(message);
    expect(code).toBe(2);
  });
});
