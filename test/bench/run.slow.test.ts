import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("one run of benchmarks ends with the table of all ratios, on the screen and in the file", async () => {
  const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-table-"));
  try {
    const file = join(directory, "table.md");
    const program = join(import.meta.dirname, "..", "..", "bench", "run.js");
    const names = ["encoding", "store-segments"];
    const args = [program, "--quick", "--table", file, ...names];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const table = await readFile(file, "utf8");
    expect(stdout.endsWith(`\n${table}\n`)).toBe(true);
    expect(table).toMatch(/Small sizes: .* Load average [\d.]+ at the start, [\d.]+ at the end\.\n/);
    expect(table).toMatch(
      /^\| encoding \| Content Information V1, .+ \| [\d.]+ \([\d.]+ to [\d.]+\) \| {2}\|$/m,
    );
    expect(table).toMatch(/^\| store-segments \| anonymous memory \| .+ \| at most 300 MB \|$/m);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
