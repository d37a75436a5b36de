/**
 * A branch behind a link of 10 Mbit/s and 80 ms, each machine in a network namespace of its own: what a hosted cache
 * spares, in bytes and time.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProcess, runProcess, startProcess } from "@branchcache/cli/testing";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandOn } from "../support/commands.mjs";
import { type Office, openOffice } from "../support/office.ts";
import { requirement } from "../support/requires.ts";

const netns = requirement("ip netns");
const SIZE = 6 * 1024 * 1024;
const CLIENTS = ["one", "two", "three", "seven"] as const;
type Client = (typeof CLIENTS)[number];

describe.skipIf(!netns.ok)("a branch with a hosted cache", () => {
  let office: Office;
  let directory: string;
  const running: BackgroundProcess[] = [];
  const content = seededRandom(9).bytes(SIZE);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const rows: string[] = [];

  const start = async (host: string, name: "branchcache" | "branchcached", ...args: readonly string[]) => {
    const started = await startProcess(commandOn(office.on(host), name, ...args, "--log-format", "json"));
    running.push(started);
    await started.event("service.started");
  };
  const file = (name: string) => join(directory, name);

  beforeAll(async () => {
    office = await openOffice(["origin", "wan", "cache", ...CLIENTS]);
    directory = await mkdtemp(join(tmpdir(), "branchcache-branch-"));
    await mkdir(file("www"));
    await writeFile(file("www/content.bin"), content);
    await runProcess([
      ...(office.on("wan") as [string, ...string[]]),
      ...[
        "tc",
        "qdisc",
        "add",
        "dev",
        "eth0",
        "root",
        "tbf",
        "rate",
        "10mbit",
        "burst",
        "32kbit",
        "latency",
        "400ms",
      ],
    ]);
    const relay = join(import.meta.dirname, "../support/slow-relay.mjs");
    const [program = "ip", ...prefix] = office.on("wan");
    const link = await startProcess([
      program,
      ...prefix,
      process.execPath,
      relay,
      ...["8080", office.address("origin"), "8080", "40"],
    ]);
    running.push(link);
    await link.event("service.started");
    const origin = ["--cache-dir", file("origin"), "--secret-file", file("secret")];
    await start("origin", "branchcache", "serve", file("www"), "--listen", "8080", ...origin);
    await runProcess(
      commandOn(
        office.on("origin"),
        "branchcache",
        "publish",
        file("www/content.bin"),
        ...origin.slice(0, 2),
      ),
    );
    // The usual ports, 80 and 443: in its namespace nobody else has them.
    const cacheName = office.address("cache");
    await start(
      "cache",
      "branchcached",
      ...["--mode", "hosted-server", "--socket", file("cache.sock"), "--cache-dir", file("cache")],
      ...["--secret-file", file("hosted/secret")],
    );
    for (const host of CLIENTS) {
      const old = ["hosted_client.offer_version=1", `hosted_client.ca=${file("hosted/hosted-cache.pem")}`];
      await start(
        host,
        "branchcached",
        ...["--mode", "hosted-client", "--listen", "1337", "--socket", file(`${host}.sock`)],
        ...["--cache-dir", file(host), "--secret-file", file(`${host}.secret`)],
        ...["--set", `hosted_client.servers=${cacheName}`],
        ...(host === "seven" ? old.flatMap((each) => ["--set", each]) : []),
      );
    }
  }, 300_000);

  afterAll(async () => {
    for (const process of running) await process.stop();
    await office?.[Symbol.asyncDispose]();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  const get = async (host: Client, ...args: readonly string[]) => {
    const target = file(`${host}-${rows.length}`);
    const url = `http://${office.address("wan")}:8080/content.bin`;
    const startedMs = performance.now();
    const report = JSON.parse(
      await runProcess(
        commandOn(
          office.on(host),
          "branchcache",
          ...["get", url, "-o", target, "--json", "--socket", file(`${host}.sock`), ...args],
        ),
      ),
    );
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    const { hosted, origin } = report.bytes;
    rows.push(
      `${host.padEnd(6)} ${args.join(" ").padEnd(18)} ${`${seconds} s`.padStart(7)} ${String(hosted).padStart(9)} ${String(origin).padStart(9)}`,
    );
    expect(
      createHash("sha256")
        .update(await readFile(target))
        .digest("hex"),
    ).toEqual(sha256);
    return report.bytes as { readonly hosted: number; readonly origin: number };
  };

  /** The cache has as many bytes as were offered: asked of the daemon's disk, which is written as they come. */
  const settled = async (atLeast: number) => {
    const usage = async () => {
      const text = await runProcess(
        commandOn(office.on("cache"), "branchcache", "cache", "show", "--cache-dir", file("cache"), "--json"),
      );
      return Math.max(
        ...[...text.matchAll(/"(?:active_bytes|bytes|activeBytes)":\s*(\d+)/g)].map(([, n]) => Number(n)),
        0,
      );
    };
    for (let left = 100; left > 0; left--) {
      if ((await usage()) >= atLeast) return;
    }
    throw new Error("the offers were not pulled");
  };

  it("PCHC-5 PCHC-7 PCHC-40: the content crosses the link once a version, and the second client on has 99 % from the cache", async () => {
    await get("one", "--no-peerdist");
    const first = await get("one");
    expect(first).toMatchObject({ hosted: 0, origin: SIZE });
    await settled(SIZE);
    for (const host of ["two", "three"] as const) {
      const { hosted } = await get(host);
      expect(hosted).toBeGreaterThanOrEqual(0.99 * SIZE);
    }
    const old = await get("seven", "--max-version", "1");
    expect(old).toMatchObject({ hosted: 0, origin: SIZE });
    await settled(2 * SIZE);
    const { hosted } = await get("two", "--max-version", "1");
    expect(hosted).toBeGreaterThanOrEqual(0.99 * SIZE);
    console.log(["client                        time    hosted    origin", ...rows].join("\n"));
  }, 300_000);
});
