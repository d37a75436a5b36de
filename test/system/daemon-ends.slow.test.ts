/** A daemon that is stopped, killed, reloaded or switched off in the middle of downloads: none of them is lost. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { get as request } from "node:http";
import { join } from "node:path";
import { freeUdpPort } from "@branchcache/cli/testing";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BranchNode, branchNode } from "../support/branch-node.ts";
import { type ContentServer, contentServer } from "../support/content-server.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type GatedPeer, gatedPeer } from "../support/gated-peer.ts";

const content = seededRandom(41).bytes(3_000_000);

describe("in the middle of a download, a daemon", () => {
  let origin: ContentServer;
  let source: BranchNode;
  let peer: GatedPeer;
  let discoveryPort: number;
  const open: AsyncDisposable[] = [];
  const use = <T extends AsyncDisposable>(resource: T): T => {
    open.push(resource);
    return resource;
  };

  beforeEach(async () => {
    origin = use(await contentServer());
    await origin.put(content);
    // Found by nobody; what it has the peer gives.
    source = use(await branchNode({ discoveryPort: await freeUdpPort() }));
    await source.get(origin.url);
    discoveryPort = await freeUdpPort();
    peer = use(await gatedPeer(source.store, discoveryPort));
  });
  afterEach(async () => {
    for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  });

  /** Patient with its peer, so that only its own end hands anything back. */
  const daemon = async (stopTimeout: string): Promise<TestDaemon> =>
    use(
      await startDaemon({
        settings: {
          mode: "distributed",
          api: { stop_timeout: stopTimeout },
          peer: {
            listen_address: "127.0.0.1",
            listen_port: 0,
            interfaces: ["127.0.0.1"],
            request_timeout: "60s",
          },
          discovery: { port: discoveryPort, wait: "2s" },
          client: { read_timeout: "60s" },
        },
      }),
    );

  /** Runs a download until the peer keeps it waiting. */
  const begin = async (node: TestDaemon) => {
    const target = join(node.directory, "got.bin");
    const waiting = peer.giveOnly(4);
    const ended = node.run("get", origin.url, "--output", target, "--json", "--quiet");
    await Promise.race([waiting, ended]);
    return async () => {
      const { code, complaint, output } = await ended;
      expect(code, complaint).toBe(0);
      expect(Buffer.compare(await readFile(target), content)).toBe(0);
      return JSON.parse(output);
    };
  };
  const all = { local: 0, peer: content.length, hosted: 0, origin: 0 };

  it("that is stopped lets it come to its end", async () => {
    const node = await daemon("60s");
    const end = await begin(node);
    const stopped = node.process.stop();
    await node.process.event("service.stopping");
    peer.open();
    expect(await end()).toMatchObject({ bytes: all, cached: "kept" });
    await stopped;
    await node.process.event("service.stopped");
  });

  it("that is stopped hands it back when its time is up, and the origin gives the rest", async () => {
    const node = await daemon("1s");
    const end = await begin(node);
    await node.process.stop();
    await node.process.event("service.stopped");
    const { bytes, cached } = await end();
    expect(cached).toBe("partly");
    expect(bytes.peer).toBeGreaterThan(0);
    expect(bytes.origin).toBeGreaterThan(0);
  });

  it("that is killed costs it nothing but the rest from the origin", async () => {
    const node = await daemon("60s");
    const end = await begin(node);
    node.process.signal("SIGKILL");
    const { bytes } = await end();
    expect(bytes.peer + bytes.origin).toBe(content.length);
    expect(bytes.origin).toBeGreaterThan(0);
  });

  it.each([
    ["gets other settings", "config", "set", "peer.max_uploads", "5"],
    ["gives peers another time to answer", "config", "set", "discovery.wait", "1s"],
    ["becomes a local cache", "enable", "local"],
    ["is switched off", "disable"],
  ])("that %s goes on with it", async (_name, ...words) => {
    const node = await daemon("60s");
    const end = await begin(node);
    expect(await node.run(...words)).toMatchObject({ code: 0, complaint: "" });
    peer.open();
    expect(await end()).toMatchObject({ bytes: all, cached: "kept" });
  });
});

describe("in the middle of an answer, a daemon with a content server", () => {
  const whole = seededRandom(42).bytes(20_000_000);
  const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  let node: TestDaemon;

  beforeEach(async () => {
    node = await startDaemon({ settings: { mode: "local", api: { stop_timeout: "60s" } } });
    const root = join(node.directory, "www");
    await mkdir(root);
    await writeFile(join(root, "image.wim"), whole);
    for (const setting of [`root ${root}`, "listen 127.0.0.1:0", "enabled true"]) {
      await node.run("config", "set", ...`content_server.${setting}`.split(" "));
    }
  });
  afterEach(() => node[Symbol.asyncDispose]());

  const ends = [
    {
      name: "gets other settings",
      end: () => node.run("config", "set", "content_server.min_size", "1MiB"),
    },
    {
      name: "is stopped",
      end: async () => {
        void node.process.stop();
        await node.process.event("service.stopping");
      },
    },
  ];
  it.each(ends)("that $name sends all of it", async ({ end }) => {
    const { url } = JSON.parse((await node.run("status", "content-server", "--json")).output);
    const got = await new Promise<Uint8Array>((resolve, reject) => {
      request(`${url}image.wim`, async (response) => {
        const parts: Buffer[] = [];
        try {
          for await (const part of response) {
            // More than the sockets take lies still at the server.
            if (parts.length === 0) await end();
            parts.push(part);
          }
          resolve(Buffer.concat(parts));
        } catch (error) {
          reject(error);
        }
      }).on("error", reject);
    });
    expect(digest(got)).toBe(digest(whole));
  });
});
