/**
 * A new administrator's path, as it is typed: packages from tarballs into an empty prefix, then two machines of an
 * office. Both are network namespaces that reach each other and nothing else.
 */
import { execFile } from "node:child_process";
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type BackgroundProcess, startProcess } from "@branchcache/cli/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Office, openOffice } from "../support/office.ts";
import { requirement } from "../support/requires.ts";
import { type Ended, runCommand } from "../support/run-command.ts";

const run = promisify(execFile);
const workspace = join(import.meta.dirname, "../..");
const namespaces = requirement("ip netns");
const content = new Uint8Array(3_000_000).map((_, i) => (i * 2_654_435_761) >>> 13);
/** Nobody, since a node needs no rights but for ports below 1024. */
const ID = 65_534;
const HOSTS = ["one", "two"] as const;
type Host = (typeof HOSTS)[number];

describe.skipIf(!namespaces.ok)("a new administrator", () => {
  let folder: string;
  let office: Office;
  let prefix: string;
  const background: BackgroundProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "branchcache-new-"));
    await run("chmod", ["755", folder]);
    office = await openOffice(HOSTS);
    prefix = join(folder, "prefix");
    for (const name of ["tarballs", "prefix", ...HOSTS]) {
      await mkdir(join(folder, name));
      await chown(join(folder, name), ID, ID);
    }
  });
  afterAll(async () => {
    for (const one of background.reverse()) await one.stop();
    await office?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** An environment with nothing in it but what a login gives. */
  const words = (host: Host, ...typed: readonly string[]): readonly [string, ...string[]] => {
    const home = join(folder, host);
    const [program = "", ...rest] = [
      ...office.on(host),
      ...["setpriv", `--reuid=${ID}`, `--regid=${ID}`, "--clear-groups", "env", "--ignore-environment"],
      ...["--chdir", home, `HOME=${home}`, `XDG_RUNTIME_DIR=${home}`],
      `PATH=${join(prefix, "bin")}:${dirname(process.execPath)}:/usr/bin:/bin`,
      ...typed,
    ];
    return [program, ...rest];
  };
  const type = (host: Host, line: string): Promise<Ended> => runCommand(words(host, "sh", "-c", line));
  const start = async (...args: Parameters<typeof words>): Promise<Readonly<Record<string, string>>> => {
    const started = await startProcess(words(...args));
    background.push(started);
    return started.event("service.started");
  };
  const json = async (host: Host, line: string) => JSON.parse((await type(host, `${line} --json`)).output);

  it("installs both commands with npm, into an empty prefix", async () => {
    const tarballs = join(folder, "tarballs");
    const pack = [
      "pnpm",
      "--recursive",
      "--filter",
      "@branchcache/cli...",
      "pack",
      "--pack-destination",
      tarballs,
    ];
    await run("npx", pack, { cwd: workspace, maxBuffer: 2 ** 26 });
    expect((await readdir(tarballs)).length).toBeGreaterThan(8);
    const registry = join(workspace, "test/support/local-registry.mjs");
    const { url } = await start("one", process.execPath, registry, tarballs, workspace);
    const installed = await type(
      "one",
      `npm install --global --prefix ${prefix} --registry ${url} --no-audit --no-fund @branchcache/cli`,
    );
    expect(installed, installed.complaint).toMatchObject({ code: 0 });
    expect(installed.output).toMatch(/added \d+ packages/);
    const { version } = JSON.parse(await readFile(join(workspace, "packages/cli/package.json"), "utf8"));
    for (const program of ["branchcache", "branchcached"]) {
      expect(await type("one", `${program} --version`)).toEqual({
        code: 0,
        output: `${version}\n`,
        complaint: "",
      });
    }
  }, 300_000);

  it("is told by doctor what to do, before and after the daemon runs", async () => {
    const before = await type("one", "branchcache doctor");
    expect(before.code).toBe(4);
    expect(before.output).toContain(
      "no daemon runs\n      systemctl enable --now branchcached, or start branchcached",
    );
    for (const host of HOSTS) {
      expect(await start(host, "branchcached")).toMatchObject({
        mode: "disabled",
        metrics: "http://127.0.0.1:9798/",
      });
    }
    const after = await type("one", "branchcache doctor");
    expect(after.code).toBe(4);
    expect(after.output).toContain(
      "BAD   mode: BranchCache is switched off on this machine\n      branchcache enable",
    );
  });

  it("enables both machines", async () => {
    for (const host of HOSTS) {
      // As big as it must be for doctor to be content, whatever the disk of this machine.
      expect(await type(host, "branchcache config set cache.data.max_bytes 1GiB")).toMatchObject({ code: 0 });
      const enabled = await type(host, "branchcache enable distributed --preset 1337");
      expect(enabled).toMatchObject({ code: 0, complaint: "" });
      expect(enabled.output).toMatch(/^BranchCache is on: distributed\. Written to \/.*branchcache\.json\n$/);
      const status = await type(host, "branchcache status");
      expect(status, status.output).toMatchObject({ code: 0 });
      expect(status.output).toContain("distributed");
      expect((await json(host, "branchcache status network")).retrieval).toMatchObject({ listen_port: 1337 });
      const multicast = (await type(host, "branchcache doctor --all")).output;
      expect(multicast).toContain(`come back through eth0 (${office.address(host)})`);
    }
  });

  it("publishes on one, gets on the other from the server, and on the first from the other", async () => {
    const share = join(folder, "one/share");
    await mkdir(share);
    await writeFile(join(share, "setup.bin"), content);
    const published = await type("one", "branchcache publish --recurse share");
    expect(published, published.complaint).toMatchObject({ code: 0 });
    for (const setting of [`root ${share}`, "listen 8080", "enabled true"]) {
      const set = await type("one", `branchcache config set content_server.${setting}`);
      expect(set, set.complaint).toMatchObject({ code: 0 });
    }
    const url = `http://${office.address("one")}:8080/setup.bin`;
    const reports: Partial<Record<Host, Readonly<Record<string, unknown>>>> = {};
    for (const host of ["two", "one"] as const) {
      reports[host] = await json(host, `branchcache get ${url} --output got.bin --quiet`);
      expect(Buffer.compare(await readFile(join(folder, host, "got.bin")), content)).toBe(0);
    }
    const none = { local: 0, peer: 0, hosted: 0, origin: 0 };
    expect(reports.two).toMatchObject({ bytes: { ...none, origin: content.length }, cached: "kept" });
    expect(reports.one).toMatchObject({ bytes: { ...none, peer: content.length }, cached: "kept" });
  });

  it("sees what it saved: status, stats, peers and the dashboard", async () => {
    const stats = await type("one", "branchcache stats");
    expect(stats.output).toContain("2.86 MiB did not cross the WAN today");
    // By whichever of its addresses answered first.
    const addresses = [office.address("two"), "\\[fe80:[0-9a-f:]+%eth0\\]"].join("|");
    const peers = (await type("one", "branchcache peers")).output.split("\n").slice(2).filter(Boolean);
    expect(peers).toEqual([expect.stringMatching(`^(${addresses}):1337 +peer +2.86 MiB `)]);
    expect((await type("one", "branchcache status")).output).toContain("2.86 MiB");
    const page = await type(
      "one",
      `node -e 'fetch("http://127.0.0.1:9798/").then((page) => page.text()).then(console.log)'`,
    );
    expect(page.output).toContain("2.86 MiB saved today");
    expect(page.output).toContain(`${office.address("one")}:8080/setup.bin`);
    expect((await type("one", "branchcache doctor")).output).not.toContain("BAD");
  });
});
