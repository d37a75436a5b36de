/** Every command of the guides that is marked to be run, in the order of the page, on daemons of its own. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freeUdpPort, makeCertificate } from "@branchcache/cli/testing";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { type RunningService, startServe } from "../support/content-service.ts";
import { curl as get, headerArgs, isCoded, OFFER } from "../support/curl.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { guideBlocks, readGuide, runGuide } from "../support/guide.ts";
import { blockRequest, exchange, findPeer, offerRequest, readBlock } from "../support/ipxe.ts";
import { type Nginx, startNginx } from "../support/nginx.mjs";
import { requirement } from "../support/requires.ts";

const nginx = requirement("nginx");
const curl = requirement("curl");
const SIZE = 600_000;
const content = (seed: number): Uint8Array => seededRandom(seed).bytes(SIZE);

/** A machine on loopback that finds those with the same discovery port. */
async function machine(
  discoveryPort: number,
  more: Readonly<Record<string, unknown>> = {},
): Promise<TestDaemon> {
  return startDaemon({
    settings: {
      log: { format: "json" },
      peer: { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] },
      discovery: { port: discoveryPort },
      ...more,
    },
  });
}

/** Files below the machine's own directory. */
async function share({ directory }: TestDaemon, ...names: readonly string[]): Promise<string> {
  const path = join(directory, "share");
  await mkdir(path);
  for (const [i, name] of names.entries()) await writeFile(join(path, name), content(i));
  return path;
}

const contentServerOf = async (daemon: TestDaemon): Promise<string> =>
  JSON.parse((await daemon.run("status", "content-server", "--json")).output).url ?? "";

const replaced =
  (pairs: Readonly<Record<string, string>>) =>
  (text: string): string =>
    Object.entries(pairs).reduce((all, [from, to]) => all.replaceAll(from, to), text);

describe("the guides", () => {
  it("first-node.md", async () => {
    await using daemon = await machine(await freeUdpPort());
    const path = await share(daemon, "setup.bin");
    const output = await runGuide(await readGuide("first-node.md"), {
      machines: { "": daemon },
      replace: async (text) =>
        replaced({
          "/srv/images": path,
          "content_server.listen 8080": "content_server.listen 127.0.0.1:0",
          "http://files.example:8080/": await contentServerOf(daemon),
        })(text),
    });
    expect(await readFile(join(daemon.directory, "second"))).toEqual(await readFile(join(path, "setup.bin")));
    expect(output).toContain("586 KiB did not cross the WAN today");
  });

  it.each(["troubleshooting.md", "tuning.md", "security.md"])("%s", async (name) => {
    await using daemon = await machine(await freeUdpPort(), {
      content_server: { enabled: true, listen: "127.0.0.1:0", root: import.meta.dirname },
    });
    await runGuide(await readGuide(name), { machines: { "": daemon } });
  });

  it("hosted-cache.md", async () => {
    const page = await readGuide("hosted-cache.md");
    const port = await freeUdpPort();
    await using cache = await machine(port, {
      hosted_server: { http_port: 0, https_port: 0, allow_own_addresses: true },
    });
    await using client = await machine(port);
    await using second = await machine(port);
    const origin: RunningService = await startServe(await share(cache, "setup.bin", "update.bin"));
    await using _origin = origin;
    const own = { cert: join(cache.directory, "own.pem"), key: join(cache.directory, "own.key") };
    await makeCertificate(own, { names: ["cache.branch.example"], addresses: [] });
    const listens = async () => {
      const { retrieval } = JSON.parse((await cache.run("status", "network", "--json")).output);
      return `127.0.0.1:${retrieval.listen_port}`;
    };
    const heldBytes = async () =>
      JSON.parse((await cache.run("status", "--json")).output).cache.data.active_bytes;
    const output = await runGuide(page, {
      machines: { "": cache, client, second },
      replace: async (text) =>
        replaced({
          "http://files.example": origin.url,
          "10.1.0.0/16": "127.0.0.0/8",
          "/etc/ssl/cache.pem": own.cert,
          "/etc/ssl/private/cache.key": own.key,
          ...(text.includes("--server")
            ? { "--server cache.branch.example": `--server ${await listens()}` }
            : {}),
        })(text),
      async before({ name, text }) {
        // Content is hashed after its first reader, whom the guide leaves to others.
        if (text.includes("files.example")) {
          for (const file of ["setup.bin", "update.bin"]) {
            await exchange(`127.0.0.1:${origin.port}`, offerRequest("files.example", `/${file}`));
            await origin.whenHashed(file);
          }
        }
        while (name === "second" && (await heldBytes()) < SIZE)
          await new Promise((done) => setTimeout(done, 50));
      },
    });
    expect(output).toContain("100.0 % from the branch");
    expect(output).toContain("586 KiB did not cross the WAN today");
    expect(output).toContain("Takes offers from    127.0.0.0/8, 10.2.0.0/16");
    for (const { text } of guideBlocks(page, "config", "json")) {
      const file = join(cache.directory, "several.json");
      await writeFile(file, text);
      expect(await cache.run("config", "check", file)).toMatchObject({ code: 0 });
    }
  }, 300_000);

  it.skipIf(!nginx.ok || !curl.ok)(
    "nginx.md",
    async () => {
      const page = await readGuide("nginx.md");
      const blocks = guideBlocks(page, "nginx", "nginx");
      const server = (name: string) => blocks.find((block) => block.name === name)?.text ?? "";
      await using daemon = await machine(await freeUdpPort());
      await using client = await machine(await freeUdpPort(), { mode: "local" });
      await using second = await machine(await freeUdpPort());
      const path = await share(daemon, "setup.bin", "other.bin");
      const origin: Nginx = await startNginx(nginx.path, (port) =>
        replaced({ "127.0.0.1:8081": `127.0.0.1:${port}`, "/srv/images": path })(server("origin")),
      );
      await using _origin = origin;
      await writeFile(join(daemon.directory, "phrase"), "correct horse battery staple\n");
      const output = await runGuide(page, {
        machines: { "": daemon, client, second },
        replace: async (text) =>
          replaced({
            "http://127.0.0.1:8081": origin.url,
            "content_server.listen 8080": "content_server.listen 127.0.0.1:0",
            ...(text.includes("files.example")
              ? { "http://files.example/": await contentServerOf(daemon) }
              : {}),
            "/srv/images": path,
          })(text),
      });
      expect(output).toContain("Content-Encoding: peerdist");
      expect(await readFile(join(daemon.directory, "first"))).toEqual(
        await readFile(join(path, "setup.bin")),
      );
      expect(output.match(/other\.bin: .*hashed/g)).toHaveLength(1);
      const prints = output.split("\n").filter((line) => /^(?:[0-9a-f]{4}-){3}[0-9a-f]{4}$/.test(line));
      expect([prints.length, new Set(prints).size]).toEqual([2, 1]);

      const { host } = new URL(await contentServerOf(daemon));
      const pem = { cert: join(daemon.directory, "files.pem"), key: join(daemon.directory, "files.key") };
      await makeCertificate(pem, { names: ["files.example"], addresses: ["127.0.0.1"] });
      await using front = await startNginx(nginx.path, (port) =>
        replaced({
          "listen 443": `listen 127.0.0.1:${port}`,
          "/etc/ssl/files.pem": pem.cert,
          "/etc/ssl/private/files.key": pem.key,
          "127.0.0.1:8080": host,
        })(server("front")),
      );
      const url = `https://127.0.0.1:${front.port}/setup.bin`;
      expect(isCoded(await get(curl.path, url, "-k", ...headerArgs([`Host: ${host}`, ...OFFER])))).toBe(true);
      expect((await get(curl.path, url, "-k")).body).toEqual(await readFile(join(path, "setup.bin")));
    },
    300_000,
  );

  it("ipxe.md", async () => {
    const port = await freeUdpPort();
    await using server = await machine(port);
    await using node = await machine(port);
    const path = await share(server, "boot.wim");
    await runGuide(await readGuide("ipxe.md"), {
      machines: { "": server, node },
      replace: async (text) =>
        replaced({
          "content_server.listen 8080": "content_server.listen 127.0.0.1:0",
          ...(text.includes("server:8080") ? { "http://server:8080/": await contentServerOf(server) } : {}),
          "/srv/images": path,
        })(text),
    });
    const { host } = new URL(await contentServerOf(server));
    const answer = await exchange(host, offerRequest(host, "/boot.wim"));
    expect(answer.headers["content-encoding"]).toBe("peerdist");
    const [segment] = readContentInformation(answer.body, nodeHashEngine).segments;
    if (!segment) throw new Error("no segment");
    const peer = await findPeer(port, segment, 30_000);
    const block = readBlock(await exchange(peer, blockRequest(peer, segment, 0)), segment, 0);
    expect(Buffer.from(block).equals(content(0).subarray(0, block.length))).toBe(true);
  }, 300_000);
});
