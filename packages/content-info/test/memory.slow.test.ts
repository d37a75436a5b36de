import { execFile } from "node:child_process";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { slowRuns } from "../../../test/support/slow.ts";

const runner = join(import.meta.dirname, "..", "..", "..", "bench", "hashing", "run.js");
let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "content-info-memory-"));
  for (const [name, mebibytes] of [
    ["small", 24],
    ["large", slowRuns(4_096)],
  ] as const) {
    const path = join(directory, name);
    await writeFile(path, "");
    // Sparse: it takes no room on the disk.
    await truncate(path, mebibytes * 2 ** 20);
  }
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Of a process that does this and nothing else. */
async function peakBytes(mode: string): Promise<number> {
  const args = [runner, mode, join(directory, "large"), join(directory, "small")];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { mostResidentMB } = JSON.parse(stdout) as { mostResidentMB: number };
  return mostResidentMB * 1e6;
}

it.each([1, 2])(
  "4 GiB through a pool of %d takes 64 MiB at most, threads and their code included",
  async (workers) => {
    const idle = await peakBytes("idle");
    const both = await peakBytes(`pool:both:${workers}`);
    expect(both - idle).toBeLessThan(64 * 2 ** 20);
  },
);
