/**
 * What is published: every package packed, all of them installed into an empty folder, and used there with the lowest
 * Node.js supported and with the present LTS one. Nothing of the workspace but its compiler is near.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { startProcess } from "@branchcache/cli/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compilePrograms } from "../support/markdown-programs.ts";
import { PACKAGES, readmeExamples } from "../support/readme-examples.ts";
import { type Requirement, type RequirementName, requirement } from "../support/requires.ts";

const run = promisify(execFile);
const workspace = join(import.meta.dirname, "../..");

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
}

const RELEASES = (["node 20.19", "node 24"] as const satisfies readonly RequirementName[]).map(
  (release): readonly [string, Requirement] => [release, requirement(release)],
);

describe.skipIf(!RELEASES.every(([, node]) => node.ok))("the packages, installed from tarballs", () => {
  let folder: string;
  const manifests: Manifest[] = [];
  /** Each README's example, compiled against the declarations of what is installed. */
  let examples: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "branchcache-tarballs-"));
    const tarballs = join(folder, "tarballs");
    const installed = join(folder, "installed");
    await mkdir(installed);
    const pack = ["pnpm", "--recursive", "--filter", "./packages/*", "pack", "--pack-destination", tarballs];
    await run("npx", pack, { cwd: workspace, maxBuffer: 2 ** 26 });
    expect(await readdir(tarballs)).toHaveLength(PACKAGES.length);
    for (const name of PACKAGES) {
      manifests.push(JSON.parse(await readFile(join(workspace, "packages", name, "package.json"), "utf8")));
    }

    await writeFile(join(installed, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const script = join(workspace, "test/support/local-registry.mjs");
    const registry = await startProcess([process.execPath, script, tarballs, workspace]);
    try {
      const { url = "" } = await registry.event("service.started");
      const names = manifests.map(({ name }) => name);
      // A cache of its own: another run's tarballs have the same version.
      const options = ["--omit=dev", "--no-audit", "--no-fund", "--cache", join(folder, "npm"), "--registry"];
      await run("npm", ["install", ...options, url, ...names], { cwd: installed });
    } finally {
      await registry.stop();
    }
    examples = await compilePrograms(
      installed,
      readmeExamples.map(({ text }) => text),
    );
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describe.each(RELEASES)("on %s", (release, node) => {
    /** An environment with nothing in it but what a login gives, and places of its own for what root keeps. */
    const words = (...typed: readonly string[]): readonly [string, ...string[]] => {
      const home = join(folder, release.replace(" ", "-"));
      const environment = [
        `HOME=${home}`,
        `PATH=${join(folder, "installed/node_modules/.bin")}:${dirname(node.path)}:/usr/bin:/bin`,
        `BRANCHCACHE_CACHE_DATA_PATH=${home}/cache`,
        `BRANCHCACHE_CONTENT_SERVER_SECRET_FILE=${home}/secret`,
      ];
      return ["env", "--ignore-environment", ...environment, ...typed];
    };
    const type = (...typed: readonly string[]) => {
      const [program, ...rest] = words(...typed);
      return run(program, rest, { cwd: join(folder, "installed") });
    };

    it.concurrent.each(readmeExamples)("runs the example of $folder's README", async ({ index, prints }) => {
      const { stdout, stderr } = await type("node", examples[index] ?? "");
      expect(stderr).toBe("");
      expect(stdout).toMatch(prints);
    });

    it("imports every subpath of every package, and ends", async () => {
      const subpaths = manifests.flatMap(({ name, exports }) =>
        Object.keys(exports).map((subpath) => name + subpath.slice(1)),
      );
      expect(subpaths.length).toBeGreaterThan(2 * PACKAGES.length);
      const lines = subpaths.map((path, i) =>
        path.endsWith(".json")
          ? `import m${i} from "${path}" with { type: "json" };`
          : `import * as m${i} from "${path}";`,
      );
      const told = `console.log(JSON.stringify([${subpaths.map((_, i) => `Object.keys(m${i}).length`)}]));`;
      const { stdout, stderr } = await type(
        "node",
        "--no-warnings=ExperimentalWarning",
        "--input-type=module",
        "--eval",
        [...lines, told].join("\n"),
      );
      expect(stderr).toBe("");
      const counts: readonly number[] = JSON.parse(stdout);
      expect(subpaths.filter((_, i) => !counts[i])).toEqual([]);
    });

    it("has the commands", async () => {
      const versions = new Map(
        manifests.flatMap(({ bin = {}, version }) => Object.keys(bin).map((n) => [n, version])),
      );
      expect([...versions.keys()].sort()).toEqual([
        "branchcache",
        "branchcache-conformance",
        "branchcached",
        "dgram-ws-discovery",
      ]);
      for (const name of ["branchcache", "branchcached"]) {
        expect(await type(name, "--version")).toEqual({ stdout: `${versions.get(name)}\n`, stderr: "" });
      }
      for (const name of versions.keys()) {
        const { stdout, stderr } = await type(name, "--help");
        expect(stderr).toBe("");
        expect(stdout).toMatch(new RegExp(`^usage: ${name} `, "im"));
      }
    });

    it("publishes, serves and gets", async () => {
      const share = join(folder, "share");
      const got = join(folder, "got.bin");
      const content = new Uint8Array(1_000_000).map((_, i) => (i * 2_654_435_761) >>> 13);
      await rm(got, { force: true });
      await mkdir(share, { recursive: true });
      await writeFile(join(share, "content.bin"), content);
      await type("branchcache", "publish", "--recurse", share);
      const server = await startProcess(words("branchcache", "serve", share, "--listen", "127.0.0.1:0"));
      try {
        const { url = "" } = await server.event("service.started");
        const options = ["--no-daemon", "--mode", "local", "--output", got, "--quiet", "--json"];
        const { stdout } = await type("branchcache", "get", `${url}content.bin`, ...options);
        expect(JSON.parse(stdout)).toMatchObject({ bytes: { origin: content.length }, cached: "kept" });
        expect(Buffer.compare(await readFile(got), content)).toBe(0);
      } finally {
        await server.stop();
      }
    });
  });
});
