/** The demo itself, on a small file: real processes, real multicast, real HTTP. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runProcess } from "@branchcache/cli/testing";
import { seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";

describe("branchcache demo", () => {
  it("brings a file to three nodes, and its new version for little", async () => {
    const directory = await mkdtemp(join(tmpdir(), "branchcache-demo-test-"));
    try {
      const file = join(directory, "content.bin");
      await writeFile(file, seededRandom(1).bytes(6 * 1024 * 1024));
      const output = await runProcess(command("branchcache", "demo", "--file", file));
      const rows = output.split("\n").filter((line) => /^[ABC] /.test(line));
      expect(rows).toHaveLength(6);
      for (const row of rows) expect(row).toMatch(/ verified\b/);
      expect(rows[1]).toMatch(/ 0 B +0\.0 % +6 MiB/);
      expect(rows[1]).toMatch(/verified +A 6 MiB$/);
      expect(output).toMatch(/of .* came from the origin/i);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 300_000);

  it.skipIf(process.platform !== "linux")(
    "leaves no process behind when it is killed",
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "branchcache-demo-test-"));
      try {
        const file = join(directory, "content.bin");
        await writeFile(file, seededRandom(1).bytes(2 * 1024 * 1024));
        const [program, ...args] = command("branchcache", "demo", "--file", file);
        const env = { ...process.env, TMPDIR: directory };
        const demo = spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
        for await (const line of createInterface({ input: demo.stdout })) {
          if (line.startsWith("Node C")) break;
        }
        const children = (await readFile(`/proc/${demo.pid}/task/${demo.pid}/children`, "utf8"))
          .trim()
          .split(" ")
          .map(Number);
        expect(children.length).toBeGreaterThanOrEqual(4);
        demo.kill("SIGKILL");
        await expect.poll(() => children.filter(isRunning), { timeout: 30_000 }).toEqual([]);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    300_000,
  );
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
