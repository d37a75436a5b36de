/** A daemon whose blocks are served by processes of their own. */
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProcess, freeUdpPort, runProcess, startProcess } from "@branchcache/cli/testing";
import { equalBytes } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";

const content = seededRandom(21).bytes(4 * 1024 * 1024);

// It looks for its processes in /proc.
describe.skipIf(process.platform !== "linux")("branchcached --workers 3", () => {
  let directory: string;
  let url: string;
  const running: BackgroundProcess[] = [];
  const daemons = new Map<string, BackgroundProcess>();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-workers-"));
    await mkdir(join(directory, "www"));
    await writeFile(join(directory, "www", "content.bin"), content);
    const server = await startProcess(
      command(
        "branchcache",
        ...["serve", join(directory, "www"), "--listen", "127.0.0.1:0", "--log-format", "json"],
        ...["--cache-dir", join(directory, "server"), "--secret-file", join(directory, "secret")],
      ),
    );
    running.push(server);
    url = `${(await server.event("service.started"))["url"]}content.bin`;
    const discoveryPort = String(await freeUdpPort());
    for (const [name, ...more] of [["giver", "--workers", "3"], ["taker"]]) {
      if (name === undefined) continue;
      const daemon = await startProcess(
        command(
          "branchcached",
          ...["--listen", "127.0.0.1:0", "--interface", "127.0.0.1", "--discovery-port", discoveryPort],
          ...["--discovery-wait", "3s", "--log-format", "json"],
          ...["--cache-dir", join(directory, name), "--socket", join(directory, `${name}.sock`), ...more],
        ),
      );
      running.push(daemon);
      daemons.set(name, daemon);
      await daemon.event("service.started");
    }
  }, 300_000);

  afterAll(async () => {
    for (const process of running.reverse()) await process.stop();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  /** Where the bytes came from, and why. */
  const get = async (name: string, file: string, ...args: readonly string[]) => {
    const target = join(directory, file);
    const socket = ["--socket", join(directory, `${name}.sock`)];
    const report = await runProcess(
      command("branchcache", "get", url, "-o", target, "--json", "--explain", ...socket, ...args),
    );
    expect(equalBytes(await readFile(target), content)).toBe(true);
    const { bytes, explanation } = JSON.parse(report);
    return { bytes, why: JSON.stringify(explanation?.peers) };
  };
  const expectFrom = (
    { bytes, why }: { bytes: Record<string, number>; why: string },
    expected: Record<string, number>,
  ) => expect(bytes, why).toMatchObject(expected);

  it("serves what the daemon cached, and goes on when a worker dies", async () => {
    expectFrom(await get("giver", "first"), { origin: content.length });
    expectFrom(await get("taker", "second"), { peer: content.length, origin: 0 });

    const giver = daemons.get("giver");
    const workers = await childrenOf(giver?.pid ?? 0);
    expect(workers).toHaveLength(3);
    // Not `?? 0`: that would be this process and all that it started.
    process.kill(workers[0] ?? expect.unreachable(), "SIGKILL");
    await giver?.event("service.worker_ended");
    expectFrom(await get("giver", "third", "--max-version", "1"), { origin: content.length });
    expectFrom(await get("taker", "fourth", "--max-version", "1"), { peer: content.length, origin: 0 });
    await expect.poll(async () => (await childrenOf(giver?.pid ?? 0)).length, { timeout: 20_000 }).toBe(3);
  });

  it("ends with all its processes", async () => {
    const giver = daemons.get("giver");
    const workers = await childrenOf(giver?.pid ?? 0);
    await giver?.stop();
    for (const pid of workers)
      await expect(readlink(`/proc/${pid}/exe`)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

/** Linux tells parents in `/proc`. */
async function childrenOf(parent: number): Promise<readonly number[]> {
  const children: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "latin1").catch(() => "");
    // The name stands in parentheses and may hold spaces; state and parent follow.
    const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(ppid) === parent && state !== "Z") children.push(Number(entry));
  }
  return children;
}
