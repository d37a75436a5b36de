/** Three hosts on a link: a publisher and two peers, each in a network namespace of its own. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProcess, runProcess, startProcess } from "@branchcache/cli/testing";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandOn, lineOn } from "../support/commands.mjs";
import { type Office, openOffice } from "../support/office.ts";
import { requirement } from "../support/requires.ts";

const netns = requirement("ip netns");
const SIZE = 5 * 1024 * 1024;
const conformance = join(import.meta.dirname, "../../packages/conformance/dist/bin.js");

describe.skipIf(!netns.ok)("an office of three hosts", () => {
  let office: Office;
  let directory: string;
  const running: BackgroundProcess[] = [];
  const content = seededRandom(3).bytes(SIZE);

  beforeAll(async () => {
    office = await openOffice(["publisher", "one", "two"]);
    directory = await mkdtemp(join(tmpdir(), "branchcache-office-"));
    await mkdir(join(directory, "www"));
    await writeFile(join(directory, "www", "content.bin"), content);
    const server = await startProcess(
      commandOn(
        office.on("publisher"),
        "branchcache",
        ...["serve", join(directory, "www"), "--listen", "8080", "--log-format", "json"],
        ...["--cache-dir", join(directory, "server"), "--secret-file", join(directory, "secret")],
      ),
    );
    running.push(server);
    await server.event("service.started");
    for (const host of ["one", "two"]) {
      const daemon = await startProcess(
        commandOn(
          office.on(host),
          "branchcached",
          ...["--listen", "1337", "--socket", socket(host), "--cache-dir", join(directory, host)],
          // Longer than the default: a test machine may be busy with other tests.
          ...["--log-format", "json", "--discovery-wait", "3s"],
        ),
      );
      running.push(daemon);
      await daemon.event("service.started");
    }
  }, 300_000);

  afterAll(async () => {
    for (const process of running) await process.stop();
    await office?.[Symbol.asyncDispose]();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  const socket = (host: string) => join(directory, `${host}.sock`);

  const get = async (host: string, name: string, ...args: readonly string[]) => {
    const target = join(directory, name);
    const url = `http://${office.address("publisher")}:8080/content.bin`;
    const report = await runProcess(
      commandOn(
        office.on(host),
        "branchcache",
        "get",
        url,
        "-o",
        target,
        "--json",
        "--socket",
        socket(host),
        ...args,
      ),
    );
    const hash = createHash("sha256")
      .update(await readFile(target))
      .digest("hex");
    expect(hash).toBe(createHash("sha256").update(content).digest("hex"));
    return JSON.parse(report);
  };

  it("takes content across the WAN once, in version 2.0", async () => {
    expect((await get("one", "one-v2")).bytes).toEqual({ local: 0, peer: 0, hosted: 0, origin: SIZE });
    expect((await get("two", "two-v2")).bytes).toEqual({ local: 0, peer: SIZE, hosted: 0, origin: 0 });
    expect((await get("two", "again")).bytes).toEqual({ local: SIZE, peer: 0, hosted: 0, origin: 0 });
  }, 300_000);

  it("and in version 1.0", async () => {
    const version = ["--max-version", "1"];
    expect((await get("two", "two-v1", ...version)).bytes).toMatchObject({ origin: SIZE });
    expect((await get("one", "one-v1", ...version)).bytes).toMatchObject({ peer: SIZE, origin: 0 });
  }, 300_000);

  it.each([4, 6] as const)(
    "a peer conforms on the link, by IPv%i",
    async (family) => {
      await get("one", `held-${family}`);
      const peer = family === 4 ? office.address("one") : `[${await linkLocal(office.on("one"))}%eth0]`;
      const report = await runProcess(
        lineOn(
          office.on("two"),
          ...[process.execPath, conformance, "discovery-target", `${peer}:3702`, "--timeout", "3000"],
          ...["--interface", family === 4 ? office.address("two") : "eth0"],
          ...["--information", `http://${office.address("publisher")}:8080/content.bin`],
        ),
      );
      expect(report).toMatch(/^MUST: 33 passed, 0 failed, 0 inconclusive, 0 skipped$/m);
    },
    300_000,
  );
});

/** Of the host's one link. */
async function linkLocal(host: readonly string[]): Promise<string> {
  const lines = await runProcess(lineOn(host, "ip", "-6", "-brief", "address", "show", "dev", "eth0"));
  const [address = ""] = /fe80:[0-9a-f:]+/.exec(lines) ?? [];
  return address;
}
